import type { HealthPolicy } from '#libs/health-core';

/**
 * How long to park a job that nobody can be asked for now, in milliseconds; null if it has no time left for another try. A wait that
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
