import type { Attempt } from '#libs/contracts';
import { renderTable, renderTime, shorten } from './table.js';

/** Every call that was made for a job: where, when, how it ended, what it cost. */
export function renderAttempts(attempts: readonly Attempt[]): string {
  if (attempts.length === 0) return 'no attempt was made';
  const rows = attempts.map(({ number, target, outcome, httpStatus, latencyMs, startedAt, costUsd, message }) => [
    String(number),
    target,
    outcome,
    httpStatus === undefined ? '-' : String(httpStatus),
    String(Math.round(latencyMs)),
    costUsd == null ? '-' : costUsd.toFixed(6),
    renderTime(startedAt),
    shorten(message ?? '', 60),
  ]);
  return renderTable(['attempt', 'target', 'outcome', 'status', 'ms', 'USD', 'at', 'message'], rows, [0, 3, 4, 5]);
}
