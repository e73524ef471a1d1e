import type { Observation } from './observation.js';
import type { HealthPolicy } from './policy.js';

/**
 * Until when all routers leave the target alone: a 429 that names a time of `shareBlocksFromMs` or more closes a window for
 * everybody. A shorter one speaks of a rate, and stays with the router that met it: each finds its own part of the limit.
 * @param until as known so far
 */
export function blockAfter(
  until: number,
  { outcome, retryAfterMs = 0 }: Observation,
  now: number,
  policy: HealthPolicy,
): number {
  const askedMs = retryAfterMs > 0 ? retryAfterMs : 0;
  if (outcome !== 'rate_limited' || askedMs < policy.shareBlocksFromMs) return until;
  return Math.max(until, now + Math.min(askedMs || policy.throttleBaseMs, policy.retryAfterMaxMs));
}
