import { drawOr, isTime } from './clock.js';
import { consequenceOf, isFailureClass } from './failure.js';
import { afterHostFailure, afterHostSuccess } from './host-skip.js';
import type { Observation } from './observation.js';
import type { HealthPolicy } from './policy.js';
import { afterAnswer, afterThrottle } from './rate-limit.js';
import { onClock, standingOf, type LocalStanding, type RoutingState } from './routing-state.js';

/** How an attempt ended, as far as the router's own state depends on it; an `Observation` will do. */
export type AttemptEnd = Pick<Observation, 'outcome' | 'latencyMs' | 'trial' | 'retryAfterMs'>;

/**
 * Learns from an attempt that `choose` decided on: frees the trial slot, whatever the end; skips a target that fails in
 * a row or asked to be left alone; blocks one that answered 429. To be called once per choice, also for calls that were cancelled.
 * @param sameHost the other targets that are reached by the same name: a failure of that name is theirs as well
 */
export function settle(
  routing: RoutingState,
  target: string,
  end: AttemptEnd,
  now: number,
  draw: number,
  policy: HealthPolicy,
  sameHost: readonly string[] = [],
): RoutingState {
  if (!isTime(now)) return routing;
  const current = onClock(routing, now);
  const known = standingOf(current, target);
  const standing = end.trial ? { ...known, trialInFlight: false } : known;
  const settled = afterEnd(standing, end, now, drawOr(draw), policy);
  const own = { ...current, targets: { ...current.targets, [target]: settled } };
  if (end.outcome === 'dns_tls') return afterHostFailure(own, [target, ...sameHost], now);
  return end.outcome === 'success' ? afterHostSuccess(own, [target, ...sameHost]) : own;
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
      return afterWish(
        afterFailures(standing, standing.consecutiveFailures + 1, now, draw, policy),
        end.retryAfterMs,
        now,
        draw,
        policy,
      );
    case 'disable':
      return afterFailures(standing, policy.overlayFailures, now, draw, policy);
    case 'none':
      return standing;
  }
}

/**
 * A 503 that says when to come back is obeyed by the router that was told, for as long as the target's breaker is closed: once that
 * has opened, probes know better than a guess. Never for long: one failure alone opens no breaker.
 */
function afterWish(
  standing: LocalStanding,
  retryAfterMs: number | undefined,
  now: number,
  draw: number,
  policy: HealthPolicy,
): LocalStanding {
  if (retryAfterMs === undefined || !(retryAfterMs > 0)) return standing;
  const waitMs = Math.min(retryAfterMs, policy.failureWaitMaxMs) * (1 + policy.throttleJitter * draw);
  return { ...standing, skipUntil: Math.max(standing.skipUntil, now + waitMs) };
}

/** The first second of an outage: this router knows already, the snapshot does not yet. */
function afterFailures(standing: LocalStanding, failures: number, now: number, draw: number, policy: HealthPolicy) {
  if (failures < policy.overlayFailures) return { ...standing, consecutiveFailures: failures };
  const skipUntil = now + policy.overlaySkipMs * (1 + policy.overlayJitter * draw);
  // After the pause one more failure is enough to skip it again.
  return { ...standing, consecutiveFailures: policy.overlayFailures - 1, skipUntil };
}
