import { isDisabling } from './breaker.js';
import type { ExclusionReason, RouteQuestion } from './decision.js';
import { isHostSkipped } from './host-skip.js';
import type { HealthPolicy } from './policy.js';
import { pacedForMs } from './rate-limit.js';
import { standingOf, type LocalStanding, type RoutingState } from './routing-state.js';
import { reopeningMs } from './shared-block.js';
import { rampFactor } from './score.js';
import type { TargetView } from './target-view.js';

/** A target of the question as this router sees it at this moment: the shared view, and what it knows by itself. */
export interface Alternative {
  view: TargetView;
  standing: LocalStanding;
  /** It answered 429, here or elsewhere, and is left alone until then. */
  blockedUntil: number;
  /** Milliseconds until its rate lets a call leave: the learned one, or that at which a closed window is opened. */
  pacedForMs: number;
  /** It has no place for this job, or for anybody, until then. */
  limitedUntil: number;
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
  { tried, limited }: RouteQuestion,
  routing: RoutingState,
  now: number,
  policy: HealthPolicy,
): Alternative {
  const standing = standingOf(routing, view.target);
  const limitedUntil = Math.max(standing.limitedUntil, limited?.get(view.target) ?? 0);
  const blockedUntil = Math.max(standing.blockedUntil, view.blockedUntil);
  const pacedMs = Math.max(pacedForMs(standing, now), reopeningMs(standing, view.blockedUntil, now, policy));
  const told = { blockedUntil, limitedUntil, pacedForMs: pacedMs };
  const barrier = tried.has(view.target) ? 'tried' : barrierOf(view, standing, told, now, policy);
  // A target that was shut for everybody is not hit by everybody at once.
  const ramp = () => rampFactor(Math.max(view.closedAt, view.blockedUntil), now, policy);
  const effective = barrier === null ? view.weight * view.healthFactor * ramp() : 0;
  return { view, standing, ...told, barrier, tier: view.tier, weight: view.weight, effective };
}

/** Milliseconds until this router may ask the target again, as far as blocks and limits go; 0: now. */
export const freeInMs = (one: Alternative, now: number): number =>
  Math.max(0, one.blockedUntil - now, one.limitedUntil - now, one.standing.skipUntil - now, one.pacedForMs);

/** Neither blocked by a 429 nor over its limit: the two that no need and no health overrule. */
export const mayBeCalled = ({ blockedUntil, limitedUntil }: Alternative, now: number): boolean =>
  blockedUntil <= now && limitedUntil <= now;

/** Half-open, and this router has no trial of it under way. */
export const hasTrialSlot = (one: Alternative, now: number): boolean =>
  one.barrier === 'half_open' && !one.standing.trialInFlight && mayBeCalled(one, now);

function barrierOf(
  view: TargetView,
  standing: LocalStanding,
  own: Pick<Alternative, 'blockedUntil' | 'limitedUntil' | 'pacedForMs'>,
  now: number,
  policy: HealthPolicy,
): ExclusionReason | null {
  if (view.breaker === 'open') return openBarrier(view);
  if (view.breaker === 'half-open') return 'half_open';
  if (own.blockedUntil > now) return 'blocked';
  if (own.limitedUntil > now) return 'limited';
  if (standing.skipUntil > now) return 'skipped';
  if (own.pacedForMs > 0) return 'paced';
  // The last of the waits, so that whoever is asked for want of others is free in all other respects.
  if (isHostSkipped(standing, view, now, policy)) return 'host_skipped';
  if (view.weight <= 0) return 'drained';
  return view.healthFactor > 0 ? null : 'unhealthy';
}

function openBarrier({ reason }: TargetView): ExclusionReason {
  if (reason === 'held_out') return 'held_out';
  return isDisabling(reason) ? 'disabled' : 'open';
}
