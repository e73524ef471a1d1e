import { Counter, Histogram, type Registry } from 'prom-client';

/** How a stream to a caller ended. */
export type StreamEnd = 'completed' | 'interrupted' | 'failed' | 'left';
const ENDS: readonly StreamEnd[] = ['completed', 'interrupted', 'failed', 'left'];

/** From a request to the first thing its caller is sent: an idle system to a long wait in the queue. */
const FIRST_BYTE_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Streams to the callers of the gateway. */
export class StreamMetrics {
  private readonly streams: Counter<'delivery' | 'outcome'>;
  private readonly firstByte: Histogram<'delivery'>;
  private readonly restarts: Counter<'outcome'>;
  private readonly left: Counter<'job'>;
  private readonly stalled: Counter<'answer'>;

  /** @param deliveries ways of delivery */
  constructor(registry: Registry, { deliveries }: { deliveries: readonly string[] }) {
    const registers = [registry];
    this.streams = new Counter({
      name: 'ai_streams_total',
      help: 'Streams to callers that ended, by delivery and outcome (completed, interrupted, failed, left)',
      labelNames: ['delivery', 'outcome'],
      registers,
    });
    this.firstByte = new Histogram({
      name: 'ai_stream_first_byte_seconds',
      help: 'Time from a request to the first part of its answer that the caller is sent, by delivery',
      labelNames: ['delivery'],
      buckets: FIRST_BYTE_SECONDS,
      registers,
    });
    this.restarts = new Counter({
      name: 'ai_stream_restarts_total',
      help: 'Answers that broke off after their caller had been sent a part, by what became of the stream (continued, interrupted)',
      labelNames: ['outcome'],
      registers,
    });
    this.left = new Counter({
      name: 'ai_callers_left_total',
      help: 'Callers that left before their answer, streamed or not, by what became of the job (cancelled, kept)',
      labelNames: ['job'],
      registers,
    });
    this.stalled = new Counter({
      name: 'ai_callers_stalled_total',
      help: 'Callers that were hung up on because they took nothing of their answer any more, by its form (stream, json)',
      labelNames: ['answer'],
      registers,
    });
    for (const delivery of deliveries) {
      this.firstByte.zero({ delivery });
      for (const outcome of ENDS) this.streams.inc({ delivery, outcome }, 0);
    }
    for (const outcome of ['continued', 'interrupted']) this.restarts.inc({ outcome }, 0);
    for (const job of ['cancelled', 'kept']) this.left.inc({ job }, 0);
    for (const answer of ['stream', 'json']) this.stalled.inc({ answer }, 0);
  }

  ended(delivery: string, outcome: StreamEnd): void {
    this.streams.inc({ delivery, outcome });
  }

  began(delivery: string, ms: number): void {
    this.firstByte.observe({ delivery }, ms / 1000);
  }

  /** An answer broke off in the middle of a stream, and another could go on with it, or not. */
  restarted(outcome: 'continued' | 'interrupted'): void {
    this.restarts.inc({ outcome });
  }

  callerLeft(job: 'cancelled' | 'kept'): void {
    this.left.inc({ job });
  }

  callerStalled(answer: 'stream' | 'json'): void {
    this.stalled.inc({ answer });
  }
}
