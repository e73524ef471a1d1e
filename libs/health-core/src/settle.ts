import { drawOr, isTime } from './clock.js';
import { consequenceOf, isFailureClass } from './failure.js';
import type { Observation } from './observation.js';
import type { HealthPolicy } from './policy.js';
import { afterAnswer, afterThrottle } from './rate-limit.js';
import { onClock, standingOf, type LocalStanding, type RoutingState } from './routing-state.js';

/** How an attempt ended, as far as the router's own state depends on it; an `Observation` will do. */
export type AttemptEnd = Pick<Observation, 'outcome' | 'latencyMs' | 'trial' | 'retryAfterMs'>;

/**
 * Learns from an attempt that `choose` decided on: frees the trial slot, whatever the end; skips a target that fails in
 * a row; blocks one that answered 429. To be called once per choice, also for calls that were cancelled.
 */
export function settle(
  routing: RoutingState,
  target: string,
  end: AttemptEnd,
  now: number,
  draw: number,
  policy: HealthPolicy,
): RoutingState {
  if (!isTime(now)) return routing;
  const current = onClock(routing, now);
  const known = standingOf(current, target);
  const standing = end.trial ? { ...known, trialInFlight: false } : known;
  const settled = afterEnd(standing, end, now, drawOr(draw), policy);
  return { ...current, targets: { ...current.targets, [target]: settled } };
}

function afterEnd(standing: LocalStanding, end: AttemptEnd, now: number, draw: number, policy: HealthPolicy) {
  const startedAt = now - Math.max(0, Number.isFinite(end.latencyMs) ? end.latencyMs : 0);
  if (end.outcome === 'success')
    return { ...afterAnswer(standing, startedAt, now, policy), consecutiveFailures: 0, skipUntil: 0 };
  if (!isFailureClass(end.outcome)) return standing;
  switch (consequenceOf(end.outcome).health) {
    case 'throttle':
      return afterThrottle(standing, end.retryAfterMs, startedAt, now, draw, policy);
    case 'failure':
      return afterFailures(standing, standing.consecutiveFailures + 1, now, draw, policy);
    case 'disable':
      return afterFailures(standing, policy.overlayFailures, now, draw, policy);
    case 'none':
      return standing;
  }
}

/** The first second of an outage: this router knows already, the snapshot does not yet. */
function afterFailures(standing: LocalStanding, failures: number, now: number, draw: number, policy: HealthPolicy) {
  if (failures < policy.overlayFailures) return { ...standing, consecutiveFailures: failures };
  const skipUntil = now + policy.overlaySkipMs * (1 + policy.overlayJitter * draw);
  // After the pause one more failure is enough to skip it again.
  return { ...standing, consecutiveFailures: policy.overlayFailures - 1, skipUntil };
}
