import type { Observation } from './observation.js';
import type { HealthPolicy } from './policy.js';
import type { LocalStanding } from './routing-state.js';

/** After a window that was closed for everybody, the calls that one router has sent may double each time this has passed. */
const REOPENING_DOUBLES_MS = 500;

/** A window is published again and again, each time a little off on the reader's clock. */
const CLOCK_NOISE_MS = 250;

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

/**
 * Milliseconds until one more call may follow those that were sent since the window was opened: one finds out, or all that waited
 * for it would be refused together.
 */
export function reopeningMs(
  { sentSinceOpen, openedAt }: LocalStanding,
  blockedUntil: number,
  now: number,
  { rampMs }: HealthPolicy,
): number {
  const openForMs = now - blockedUntil;
  if (openForMs < 0 || openForMs >= rampMs || openedAt + CLOCK_NOISE_MS < blockedUntil) return 0;
  return Math.max(0, Math.log2(sentSinceOpen + 1) * REOPENING_DOUBLES_MS - openForMs);
}

/** A call leaves for a target whose window was closed until `blockedUntil`; 0: it never was. */
export function afterReopening(standing: LocalStanding, blockedUntil: number, now: number): LocalStanding {
  if (blockedUntil <= 0) return standing;
  const isFirst = standing.openedAt + CLOCK_NOISE_MS < blockedUntil;
  return isFirst
    ? { ...standing, sentSinceOpen: 1, openedAt: now }
    : { ...standing, sentSinceOpen: standing.sentSinceOpen + 1 };
}
