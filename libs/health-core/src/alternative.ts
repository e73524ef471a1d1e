import { isDisabling } from './breaker.js';
import type { ExclusionReason, RouteQuestion } from './decision.js';
import type { HealthPolicy } from './policy.js';
import { pacedForMs } from './rate-limit.js';
import { standingOf, type LocalStanding, type RoutingState } from './routing-state.js';
import { rampFactor } from './score.js';
import type { TargetView } from './target-view.js';

/** A target of the question as this router sees it at this moment: the shared view, and what it knows by itself. */
export interface Alternative {
  view: TargetView;
  standing: LocalStanding;
  /** Why it cannot be asked in the normal order; null if it can. */
  barrier: ExclusionReason | null;
  /** See `Weighted`. */
  tier: number;
  weight: number;
  effective: number;
}

/** The alternative that this target is. */
export function alternativeOf(
  view: TargetView,
  { tried }: RouteQuestion,
  routing: RoutingState,
  now: number,
  policy: HealthPolicy,
): Alternative {
  const standing = standingOf(routing, view.target);
  const barrier = tried.has(view.target) ? 'tried' : barrierOf(view, standing, now);
  const effective = barrier === null ? view.weight * view.healthFactor * rampFactor(view.closedAt, now, policy) : 0;
  return { view, standing, barrier, tier: view.tier, weight: view.weight, effective };
}

/** Milliseconds until this router may ask the target again, as far as its own blocks go; 0: now. */
export const freeInMs = ({ standing }: Alternative, now: number): number =>
  Math.max(0, standing.blockedUntil - now, standing.skipUntil - now, pacedForMs(standing, now));

/** Half-open, and this router has no trial of it under way. */
export const hasTrialSlot = ({ barrier, standing }: Alternative, now: number): boolean =>
  barrier === 'half_open' && !standing.trialInFlight && standing.blockedUntil <= now;

function barrierOf(view: TargetView, standing: LocalStanding, now: number): ExclusionReason | null {
  if (view.breaker === 'open') return openBarrier(view);
  if (view.breaker === 'half-open') return 'half_open';
  if (standing.blockedUntil > now) return 'blocked';
  if (standing.skipUntil > now) return 'skipped';
  if (standing.ratePerSecond !== null && pacedForMs(standing, now) > 0) return 'paced';
  if (view.weight <= 0) return 'drained';
  return view.healthFactor > 0 ? null : 'unhealthy';
}

function openBarrier({ reason }: TargetView): ExclusionReason {
  if (reason === 'held_out') return 'held_out';
  return isDisabling(reason) ? 'disabled' : 'open';
}
