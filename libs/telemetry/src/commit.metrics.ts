import { Counter, type Registry } from 'prom-client';

/** Why a finished piece of work was thrown away: another result was there, a later run has the job, or it had been cancelled. */
export type DiscardReason = 'duplicate' | 'superseded' | 'cancelled';
const DISCARD_REASONS: readonly DiscardReason[] = ['duplicate', 'superseded', 'cancelled'];

/** What exactly one result per job costs: work that was done twice. */
export class CommitMetrics {
  private readonly discarded: Counter<'reason'>;

  constructor(registry: Registry) {
    this.discarded = new Counter({
      name: 'ai_results_discarded_total',
      help: 'Results that came too late to stand, by reason (duplicate, superseded, cancelled)',
      labelNames: ['reason'],
      registers: [registry],
    });
    for (const reason of DISCARD_REASONS) this.discarded.inc({ reason }, 0);
  }

  resultDiscarded(reason: DiscardReason): void {
    this.discarded.inc({ reason });
  }
}
