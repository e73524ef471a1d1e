import type { HealthPolicy } from '#libs/health-core';

/**
 * A worker whose clock is ahead lets parked jobs out too early: one that has to wait again waits for so long at least by that clock, in
 * milliseconds, so that it does not go round and round.
 */
export const EARLY_PAUSE_MS = 1_000;

/**
 * How long a job pauses that has met failures which may pass, in milliseconds; null if it has no time left for another try. A pause that
 * would reach beyond the deadline is cut so that one more try fits in before it.
 * @param waitMs after which somebody may be asked again
 * @param leftMs until the deadline of the job
 */
export function parkPause(
  waitMs: number,
  leftMs: number,
  { minRemainingMs, parkMinMs }: Pick<HealthPolicy, 'minRemainingMs' | 'parkMinMs'>,
): number | null {
  if (waitMs <= leftMs - minRemainingMs) return waitMs;
  const lastChanceMs = leftMs - minRemainingMs;
  if (lastChanceMs >= parkMinMs) return lastChanceMs;
  return waitMs < leftMs ? waitMs : null;
}

/**
 * How long a job that nobody can be asked for waits at most, should nobody let it go: until a last chance while a call still fits in
 * before its deadline, and after that until the deadline itself. In milliseconds.
 * @param leftMs until the deadline of the job
 */
export function longestWait(
  leftMs: number,
  { minRemainingMs, parkMinMs }: Pick<HealthPolicy, 'minRemainingMs' | 'parkMinMs'>,
): number {
  const lastChanceMs = leftMs - minRemainingMs;
  return lastChanceMs >= parkMinMs ? lastChanceMs : Math.max(0, leftMs);
}
