import type { EpisodeFigures } from './episode-tracker.js';
import type { JobFigures } from './run-recorder.js';

/** All figures of one policy. */
export interface PolicyFigures extends JobFigures, EpisodeFigures {
  policy: string;
  /** How long this machine took to simulate it. */
  computedInMs: number;
}

/** Figures derived from the counts, as they are shown and compared. */
export function ratiosOf(figures: PolicyFigures) {
  const { jobs, answered, attempts, firstAttempts, firstToFailing, firstToFailingAvoidably, cost } = figures;
  return {
    /** Jobs answered in time, 0–1. */
    availability: answered / Math.max(1, jobs),
    attemptsPerJob: attempts / Math.max(1, jobs),
    /** Jobs that were given up make few attempts; this counts what an answer takes. */
    attemptsPerAnswer: attempts / Math.max(1, answered),
    firstToFailingShare: firstToFailing / Math.max(1, firstAttempts),
    firstToFailingAvoidablyShare: firstToFailingAvoidably / Math.max(1, firstAttempts),
    costPerThousand: (cost / Math.max(1, answered)) * 1000,
  };
}

type Row = [title: string, cell: (figures: PolicyFigures) => string];

const ROWS: Row[] = [
  ['jobs', ({ jobs }) => count(jobs)],
  ['answered in deadline', ({ answered }) => count(answered)],
  ['  of all jobs', (figures) => `${(ratiosOf(figures).availability * 100).toFixed(4)} %`],
  ['  after being parked', ({ answeredAfterParking }) => count(answeredAfterParking)],
  ['failed', ({ gaveUp, missedDeadline }) => count(gaveUp + missedDeadline)],
  ['lost', ({ lost }) => count(lost)],
  ['attempts per job', (figures) => ratiosOf(figures).attemptsPerJob.toFixed(4)],
  ['attempts per answer', (figures) => ratiosOf(figures).attemptsPerAnswer.toFixed(4)],
  ['first attempts to a failing target', (figures) => percent(ratiosOf(figures).firstToFailingShare)],
  ['  with a better one there', (figures) => percent(ratiosOf(figures).firstToFailingAvoidablyShare)],
  ['severe outages with traffic', ({ outages }) => count(outages)],
  ['  never left', ({ undetected }) => count(undetected)],
  ['time to detect p50', ({ detectP50Ms }) => duration(detectP50Ms)],
  ['time to detect p95', ({ detectP95Ms }) => duration(detectP95Ms)],
  ['time to return p50', ({ returnP50Ms }) => duration(returnP50Ms)],
  ['time to return p95', ({ returnP95Ms }) => duration(returnP95Ms)],
  ['latency p50', ({ p50Ms }) => duration(p50Ms)],
  ['latency p95', ({ p95Ms }) => duration(p95Ms)],
  ['latency p99', ({ p99Ms }) => duration(p99Ms)],
  ['cost per 1000 answers', (figures) => `$${ratiosOf(figures).costPerThousand.toFixed(3)}`],
  ['probes', ({ probes }) => count(probes)],
  ['computed in', ({ computedInMs }) => duration(computedInMs)],
];

/** The figures of all policies side by side, one line per figure. */
export function renderTable(policies: readonly PolicyFigures[]): string[] {
  const head = ['', ...policies.map(({ policy }) => policy)];
  const table = [head, ...ROWS.map(([title, cell]) => [title, ...policies.map(cell)])];
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart((widths[column] ?? 0) + 2),
      )
      .join('')
      .trimEnd(),
  );
}

const count = (value: number) => value.toLocaleString('en-GB').replaceAll(',', ' ');
const percent = (share: number) => `${(share * 100).toFixed(3)} %`;

function duration(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 120_000) return `${(ms / 1000).toFixed(2)} s`;
  return ms < 7_200_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
