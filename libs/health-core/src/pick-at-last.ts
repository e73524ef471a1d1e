import { freeInMs, hasTrialSlot, mayBeCalled, type Alternative } from './alternative.js';
import { hasFreshProbe } from './breaker.js';
import type { ExclusionReason } from './decision.js';
import type { Field, Pick } from './pick.js';
import type { HealthPolicy } from './policy.js';
import type { TargetView } from './target-view.js';

/** A better target that is only blocked for a moment is waited for; one that is shut for longer is not. */
export function lastResortOf({ everyone }: Field, now: number, policy: HealthPolicy): Pick | null {
  const isSoonFree = (one: Alternative) =>
    (one.barrier === 'blocked' || one.barrier === 'limited' || one.barrier === 'paced') &&
    one.weight > 0 &&
    freeInMs(one, now) <= policy.retryAfterWindowMs;
  if (everyone.some(isSoonFree)) return null;
  const best = (barrier: ExclusionReason) =>
    bestOf(
      everyone.filter((one) => one.barrier === barrier),
      ({ view }) => view.score,
    );
  // A host that cannot be reached comes last: its call fails, but it fails at once, and is the only way to learn that it no longer does.
  const chosen = best('unhealthy') ?? best('drained') ?? best('host_skipped');
  return chosen ? { chosen, kind: 'last-resort', share: 1 } : null;
}

/**
 * No target whose breaker is closed can be asked within `retryAfterWindowMs`: a trial of a half-open one, of whatever mode and by any
 * job, is better than so long a wait. With no breaker closed at all, now and then a real attempt at an open one. While any is
 * closed, waiting for it is better than asking the dead.
 */
export function insteadOfWaiting(field: Field, now: number, policy: HealthPolicy): Pick | null {
  const { everyone } = field;
  const freeMs = untilFreeMs(field, now, policy);
  if (freeMs <= policy.retryAfterWindowMs) return null;
  const merit = ({ view }: Alternative) => (view.score + 1) * (view.weight || Number.MIN_VALUE);
  const trial = bestOf(
    everyone.filter((one) => hasTrialSlot(one, now)),
    merit,
  );
  if (trial) return { chosen: trial, kind: 'trial', share: 1 };
  if (freeMs < Infinity) return null;
  const panic = bestOf(
    everyone.filter((one) => one.barrier === 'open' && isPanicDue(one, now, policy)),
    merit,
  );
  return panic && { chosen: panic, kind: 'panic', share: 1 };
}

function isPanicDue(one: Alternative, now: number, policy: HealthPolicy): boolean {
  const { view, standing } = one;
  return mayBeCalled(one, now) && now - standing.lastPanicAt >= panicGapMs(view, now, policy);
}

/** After many openings in a row a target stays shut for minutes, and probes may know all that time that it is back. */
function panicGapMs({ lastProbeAt, goodProbes }: TargetView, now: number, policy: HealthPolicy): number {
  if (!hasFreshProbe(lastProbeAt, now, policy)) return policy.panicGapMs;
  return goodProbes >= policy.probesToHalfOpen
    ? Math.min(policy.openBaseMs, policy.panicGapProbedMs)
    : policy.panicGapProbedMs;
}

function bestOf(alternatives: readonly Alternative[], merit: (one: Alternative) => number): Alternative | null {
  let best: Alternative | null = null;
  for (const one of alternatives) if (best === null || merit(one) > merit(best)) best = one;
  return best;
}

/** Milliseconds until the first target whose breaker is closed may be asked; Infinity where none is. */
function untilFreeMs({ everyone }: Field, now: number, policy: HealthPolicy): number {
  let freeMs = Infinity;
  for (const one of everyone) {
    if (one.view.breaker !== 'closed' || one.barrier === 'not_pinned') continue;
    // It was passed over because somebody else is free soon, and only he is waited for.
    if (one.barrier === 'host_skipped') continue;
    freeMs = Math.min(freeMs, Math.max(freeInMs(one, now), one.barrier === 'tried' ? policy.parkTriedMs : 0));
  }
  return freeMs;
}

/**
 * Until the first target is free again, and no less than a time that grows with each parking: fresh jobs go first, so that
 * those that can be served are served fast, and a crowd of waiting jobs does not come back in step.
 */
export function waitMs(field: Field, parkings: number, now: number, draw: number, policy: HealthPolicy): number {
  const untilMs = untilFreeMs(field, now, policy);
  const freeMs = untilMs === Infinity ? policy.parkOpenMs : untilMs;
  const grownMs = Math.max(policy.parkMinMs, Math.min(policy.parkMaxMs, policy.parkGrowthMs * 2 ** parkings));
  const spread = 1 + policy.parkJitter * (2 * draw - 1);
  return Math.ceil(Math.max(freeMs, grownMs * spread));
}
