import type { JobReport } from './send-job.js';

/** Figures of a run so far. */
export interface TrafficFigures {
  sent: number;
  answered: number;
  failed: number;
  lost: number;
  failedOver: number;
  slowestMs: number;
  /** How many jobs ended with each error code. */
  errors: Record<string, number>;
}

/** How long answers are remembered. */
const REMEMBERED_MS = 5_000;

/** Counts what became of the jobs of a run, and which targets answered lately. */
export class Tally {
  readonly figures: TrafficFigures = {
    sent: 0,
    answered: 0,
    failed: 0,
    lost: 0,
    failedOver: 0,
    slowestMs: 0,
    errors: {},
  };
  private recent: { at: number; target: string }[] = [];

  /** Notes that a job was sent. */
  sent(): void {
    this.figures.sent++;
  }

  /** Notes what became of a job. */
  ended(report: JobReport, at: number): void {
    const { figures } = this;
    figures[report.outcome]++;
    if (report.failedOver) figures.failedOver++;
    if (report.errorCode) figures.errors[report.errorCode] = (figures.errors[report.errorCode] ?? 0) + 1;
    figures.slowestMs = Math.max(figures.slowestMs, report.latencyMs);
    if (report.target !== undefined) this.recent.push({ at, target: report.target });
  }

  /** Share of the answers of the last `windowMs` that each target gave, 0–1; at most as far back as is remembered. */
  recentShares(now: number, windowMs = REMEMBERED_MS): Map<string, number> {
    this.recent = this.recent.filter(({ at }) => now - at <= REMEMBERED_MS);
    const within = this.recent.filter(({ at }) => now - at <= windowMs);
    const shares = new Map<string, number>();
    for (const { target } of within) shares.set(target, (shares.get(target) ?? 0) + 1 / within.length);
    return shares;
  }
}
