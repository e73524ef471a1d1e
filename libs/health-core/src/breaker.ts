import type { DisablingFailure, FailureClass } from './failure.js';
import type { HealthPolicy } from './policy.js';

/** `closed`: calls pass. `open`: none does. `half-open`: single trials do. */
export type BreakerPhase = 'closed' | 'open' | 'half-open';

/** Why a breaker opened. `held_out`: by an operator. */
export type OpenReason = 'consecutive_failures' | 'trial_failed' | 'held_out' | DisablingFailure;

/** A target's breaker. Times are epoch milliseconds, 0 = never. */
export interface Breaker {
  phase: BreakerPhase;
  /** Transitions so far. A call carries the generation under which it began; news of an older one is no news. */
  generation: number;
  /** Why it is not closed. */
  reason: OpenReason | null;
  /** In a row, from probes and traffic. */
  consecutiveFailures: number;
  /** Openings in a row; each doubles the time of being open, each quiet minute takes one off. */
  openings: number;
  forgivenAt: number;
  openUntil: number;
  changedAt: number;
  closedAt: number;
  /** Good probes since opening, in a row. */
  goodProbes: number;
  /** Good trials since it became half-open. */
  goodTrials: number;
  lastTrialAt: number;
  /** When a probe last told something, good or bad. */
  lastProbeAt: number;
  siblingOpenedAt: number;
}

/** A call that speaks for or against its target. A success in a panic counts as a good trial. */
export interface Verdict {
  source: 'probe' | 'traffic';
  trial: boolean;
  panic: boolean;
}

/** The fields that hold a time. */
export const BREAKER_TIMES = [
  'forgivenAt',
  'openUntil',
  'changedAt',
  'closedAt',
  'lastTrialAt',
  'lastProbeAt',
  'siblingOpenedAt',
] as const satisfies (keyof Breaker)[];

export function initialBreaker(): Breaker {
  return {
    phase: 'closed',
    generation: 0,
    reason: null,
    consecutiveFailures: 0,
    openings: 0,
    forgivenAt: 0,
    openUntil: 0,
    changedAt: 0,
    closedAt: 0,
    goodProbes: 0,
    goodTrials: 0,
    lastTrialAt: 0,
    lastProbeAt: 0,
    siblingOpenedAt: 0,
  };
}

/** A call succeeded. */
export function afterSuccess(breaker: Breaker, verdict: Verdict, now: number, policy: HealthPolicy): Breaker {
  const next = heard({ ...breaker, consecutiveFailures: 0 }, verdict, now);
  switch (breaker.phase) {
    case 'closed':
      return next;
    case 'open':
      if (verdict.panic && breaker.reason !== 'held_out') return { ...halfOpened(next, now), goodTrials: 1 };
      // Whatever call got through to an open target and back is as good a sign of life as a probe.
      return { ...next, goodProbes: breaker.goodProbes + 1 };
    case 'half-open': {
      const goodProbes = breaker.goodProbes + (verdict.source === 'probe' ? 1 : 0);
      if (!isTrial(verdict)) return { ...next, goodProbes };
      const goodTrials = breaker.goodTrials + 1;
      const tried = { ...next, goodProbes, goodTrials, lastTrialAt: now };
      return goodTrials >= policy.trialsToClose ? closed(tried, now) : tried;
    }
  }
}

/** A call failed. @param disabledBy set if the target cannot work until somebody changes something */
export function afterFailure(
  breaker: Breaker,
  verdict: Verdict,
  disabledBy: DisablingFailure | null,
  now: number,
  draw: number,
  policy: HealthPolicy,
): Breaker {
  const next = heard({ ...breaker, consecutiveFailures: breaker.consecutiveFailures + 1 }, verdict, now);
  if (verdict.source === 'probe') next.goodProbes = 0;
  switch (breaker.phase) {
    case 'open':
      return next;
    case 'half-open':
      if (disabledBy) return opened(next, disabledBy, now, draw, policy);
      return isTrial(verdict) || verdict.source === 'probe' ? opened(next, 'trial_failed', now, draw, policy) : next;
    case 'closed': {
      const isRow = next.consecutiveFailures >= failuresToOpen(breaker, now, policy);
      // A relay passes on what one of its own channels was told: one refusal of one call is not yet a refused key. As a
      // failure it makes the next probe come at once, which confirms it or clears it.
      const isUnconfirmed = disabledBy === 'auth' && verdict.source === 'traffic' && !isRow;
      if (disabledBy && !isUnconfirmed) return opened(next, disabledBy, now, draw, policy);
      return isRow ? opened(next, 'consecutive_failures', now, draw, policy) : next;
    }
  }
}

/** What time alone does: an open breaker becomes half-open, a half-open one closes by probes, openings are forgiven. */
export function afterTime(breaker: Breaker, now: number, policy: HealthPolicy): Breaker {
  switch (breaker.phase) {
    case 'open':
      return mayBeTried(breaker, now, policy) ? halfOpened(breaker, now) : breaker;
    case 'half-open': {
      const idle = now - Math.max(breaker.changedAt, breaker.lastTrialAt) >= policy.idleHalfOpenMs;
      return idle && breaker.goodProbes >= policy.probesToCloseIdle ? closed(breaker, now) : breaker;
    }
    case 'closed':
      if (breaker.openings === 0 || now - breaker.forgivenAt < policy.forgiveMs) return breaker;
      return { ...breaker, openings: breaker.openings - 1, forgivenAt: now };
  }
}

/** What disabled a sibling concerns this target as well: the same key, account or region. */
export function disabledWithSibling(
  breaker: Breaker,
  reason: DisablingFailure,
  now: number,
  draw: number,
  policy: HealthPolicy,
): Breaker {
  return breaker.phase === 'closed' ? opened(breaker, reason, now, draw, policy) : breaker;
}

/** An operator takes the target out. */
export const heldOut = (breaker: Breaker, now: number): Breaker =>
  breaker.reason === 'held_out' ? breaker : { ...changed(breaker, 'open', now), openUntil: now, reason: 'held_out' };

/** The operator lets it in again, to be proven like any other that was out. */
export const released = (breaker: Breaker, now: number): Breaker =>
  breaker.reason === 'held_out' ? halfOpened(breaker, now) : breaker;

/** Whether probes arrive that tell something; if not, time has to stand in for them. */
export const hasFreshProbe = (lastProbeAt: number, now: number, policy: HealthPolicy): boolean =>
  now - lastProbeAt <= policy.probeFreshMs;

/** Whether this is why a target cannot work until somebody changes something. */
export const isDisabling = (reason: OpenReason | FailureClass | null): reason is DisablingFailure =>
  reason === 'quota' || reason === 'auth' || reason === 'model_gone' || reason === 'region';

const isTrial = ({ trial, panic }: Verdict): boolean => trial || panic;

const heard = (breaker: Breaker, { source }: Verdict, now: number): Breaker =>
  source === 'probe' ? { ...breaker, lastProbeAt: now } : breaker;

/** A target that has just come back, or whose sibling has just gone, is trusted less. */
function failuresToOpen(breaker: Breaker, now: number, policy: HealthPolicy): number {
  let limit = policy.consecutiveToOpen;
  if (now - breaker.closedAt < policy.rampMs) limit = Math.min(limit, policy.consecutiveWhileRamping);
  if (now - breaker.siblingOpenedAt < policy.siblingSuspicionMs)
    limit = Math.min(limit, policy.consecutiveAfterSibling);
  return limit;
}

/**
 * Probes gate the way back. Only when none arrive does time alone open the door. For a disabled target that is told much later: its
 * probes are far apart, so that none is fresh says nothing.
 */
function mayBeTried(breaker: Breaker, now: number, policy: HealthPolicy): boolean {
  if (breaker.reason === 'held_out' || now < breaker.openUntil) return false;
  if (breaker.goodProbes >= policy.probesToHalfOpen) return true;
  if (!isDisabling(breaker.reason)) return !hasFreshProbe(breaker.lastProbeAt, now, policy);
  return now - Math.max(breaker.changedAt, breaker.lastProbeAt) >= policy.disabledHoldMs;
}

function opened(breaker: Breaker, reason: OpenReason, now: number, draw: number, policy: HealthPolicy): Breaker {
  const { openBaseMs, openGrowth, openMaxMs, openJitter } = policy;
  const openings = breaker.openings + 1;
  const openMs = Math.min(openBaseMs * openGrowth ** (openings - 1), openMaxMs) * (1 + openJitter * (2 * draw - 1));
  return { ...changed(breaker, 'open', now), reason, openings, openUntil: now + openMs, goodProbes: 0, goodTrials: 0 };
}

const halfOpened = (breaker: Breaker, now: number): Breaker => ({
  ...changed(breaker, 'half-open', now),
  goodTrials: 0,
});

const closed = (breaker: Breaker, now: number): Breaker => ({
  ...changed(breaker, 'closed', now),
  reason: null,
  closedAt: now,
  forgivenAt: now,
  consecutiveFailures: 0,
});

const changed = (breaker: Breaker, phase: BreakerPhase, now: number): Breaker => ({
  ...breaker,
  phase,
  generation: breaker.generation + 1,
  changedAt: now,
});
