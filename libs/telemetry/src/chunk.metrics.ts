import { Counter, type Registry } from 'prom-client';

/** What answers say while they are made, as far as it is published. */
export class ChunkMetrics {
  private readonly abandonments: Counter<'reason'>;

  constructor(registry: Registry, { reasons }: { reasons: readonly string[] }) {
    this.abandonments = new Counter({
      name: 'ai_chunk_streams_abandoned_total',
      help: 'Attempts whose answer was from some point on not published any further, by reason (size, memory, redis, superseded)',
      labelNames: ['reason'],
      registers: [registry],
    });
    for (const reason of reasons) this.abandonments.inc({ reason }, 0);
  }

  abandoned(reason: string): void {
    this.abandonments.inc({ reason });
  }
}
