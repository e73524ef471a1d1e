import type { JobReport } from '../traffic/send-job.js';
import { Tally, type TrafficFigures } from '../traffic/tally.js';

/** Figures of a whole replay; latencies in milliseconds, of answered jobs, as the caller saw them. */
export interface ReplayFigures extends TrafficFigures {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** How many answered jobs took how many calls to providers. */
  attemptsPerJob: Record<number, number>;
  meanAttempts: number;
  /** Answers per target. */
  byTarget: Record<string, number>;
  /** How far the replay was behind the recording at worst, in milliseconds. */
  worstLagMs: number;
}

/** Collects what became of the jobs. */
export class ReplayReport {
  private readonly tally = new Tally();
  private readonly latenciesMs: number[] = [];
  private readonly attempts = new Map<number, number>();
  private readonly targets = new Map<string, number>();

  sent(): void {
    this.tally.sent();
  }

  ended(job: JobReport): void {
    this.tally.ended(job, Date.now());
    if (job.outcome !== 'answered' || job.target === undefined) return;
    this.latenciesMs.push(job.latencyMs);
    this.attempts.set(job.attempts, (this.attempts.get(job.attempts) ?? 0) + 1);
    this.targets.set(job.target, (this.targets.get(job.target) ?? 0) + 1);
  }

  get progress(): Readonly<TrafficFigures> {
    return this.tally.figures;
  }

  figures(worstLagMs: number): ReplayFigures {
    const sorted = this.latenciesMs.toSorted((a, b) => a - b);
    const calls = [...this.attempts].reduce((sum, [attempts, jobs]) => sum + attempts * jobs, 0);
    return {
      ...this.tally.figures,
      slowestMs: Math.round(this.tally.figures.slowestMs),
      p50Ms: Math.round(percentile(sorted, 0.5)),
      p95Ms: Math.round(percentile(sorted, 0.95)),
      p99Ms: Math.round(percentile(sorted, 0.99)),
      attemptsPerJob: Object.fromEntries(this.attempts),
      meanAttempts: sorted.length > 0 ? calls / sorted.length : 0,
      byTarget: Object.fromEntries(this.targets),
      worstLagMs: Math.round(worstLagMs),
    };
  }
}

/** Nearest rank: the smallest value that is not exceeded by `share` of them; 0 when there are none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** Below this the clock of the replay is as good as the recording's. */
const NOTICEABLE_LAG_MS = 250;

export function renderReport(figures: ReplayFigures): string[] {
  const ms = (value: number) => `${value} ms`;
  const attempts = Object.entries(figures.attemptsPerJob).map(([count, jobs]) => `${count}: ${jobs}`);
  const rows: [string, string][] = [
    ['jobs sent', String(figures.sent)],
    ['answered', String(figures.answered)],
    ['failed over', String(figures.failedOver)],
    [
      'failed',
      [figures.failed, ...Object.entries(figures.errors).map(([code, count]) => `${code} ×${count}`)].join('  '),
    ],
    ['lost', String(figures.lost)],
    ['latency p50', ms(figures.p50Ms)],
    ['latency p95', ms(figures.p95Ms)],
    ['latency p99', ms(figures.p99Ms)],
    ['slowest', ms(figures.slowestMs)],
    ['attempts per job', `mean ${figures.meanAttempts.toFixed(3)}   (${attempts.join(', ')})`],
    [
      'answers by target',
      Object.entries(figures.byTarget)
        .map(([target, jobs]) => `${target}: ${jobs}`)
        .join(', '),
    ],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(18)} ${value}`);
  if (figures.worstLagMs > NOTICEABLE_LAG_MS)
    lines.push(
      `behind schedule by up to ${ms(figures.worstLagMs)}: this machine, or --max-in-flight, is too small for this speed`,
    );
  return lines;
}
