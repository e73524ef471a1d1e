import {
  afterFailure,
  afterSuccess,
  afterTime,
  disabledWithSibling,
  BREAKER_TIMES,
  heldOut,
  isDisabling,
  released,
  type Breaker,
  type Verdict,
} from './breaker.js';
import { drawOr, isTime, movedBack } from './clock.js';
import { consequenceOf, isFailureClass, type FailureClass } from './failure.js';
import type { HealthEffect, HealthEvent } from './health-event.js';
import { effectsOf } from './effects.js';
import { forgetSlowness, measured, recordLatency } from './latency.js';
import type { Observation } from './observation.js';
import type { HealthPolicy } from './policy.js';
import { blockAfter } from './shared-block.js';
import { recordOutcome, successEstimate } from './success.js';
import type { TargetProfile } from './target-profile.js';
import type { TargetState } from './target-state.js';

/**
 * Folds one event into the state of its target; O(1), and the state does not grow.
 *
 * - What says nothing about the target (caller's fault, throttling, cancelled, our shutdown) changes nothing but
 *   `lastCheckAt`, and a 429 that closes a window `blockedUntil`; its first token, if it got one, still tells how fast the target is.
 * - News of an older breaker generation is counted (`requests`, `failures`, the article's record) and otherwise ignored:
 *   a call that hung through an outage must not reopen a target that has recovered.
 * - Garbage is harmless: an event without a possible `now` and an unknown outcome are ignored; a latency that is negative,
 *   not finite or above a day counts as not measured; a `draw` outside [0, 1) counts as 0.5; a clock that goes back
 *   takes all times of the state with it. The caller removes repeats.
 */
export function transition(
  state: TargetState,
  event: HealthEvent,
  profile: TargetProfile,
  policy: HealthPolicy,
): [next: TargetState, effects: HealthEffect[]] {
  if (!isTime(event.now)) return [state, []];
  const before = onClock(state, event.now);
  const told = apply(before, event, profile, policy);
  const after = withBreaker(told, afterTime(told.breaker, event.now, policy));
  return [after, effectsOf(before, after, event, profile, policy)];
}

function apply(state: TargetState, event: HealthEvent, profile: TargetProfile, policy: HealthPolicy): TargetState {
  switch (event.type) {
    case 'observed':
      return afterObservation(state, event, profile, policy);
    case 'ticked':
      return state;
    case 'sibling-opened':
      return afterSibling(state, event, policy);
    case 'sibling-blocked':
      return state.lastGoodAt >= event.since
        ? state
        : { ...state, blockedUntil: Math.max(state.blockedUntil, event.until) };
    case 'held-out':
      return { ...withBreaker(state, heldOut(state.breaker, event.now)), errorMessage: event.reason, evidence: null };
    case 'released':
      return withBreaker(state, released(state.breaker, event.now));
  }
}

/** A sibling that has answered since is watched more closely, as after any other opening, and not disabled. */
function afterSibling(
  state: TargetState,
  { now, disabling }: Extract<HealthEvent, { type: 'sibling-opened' }>,
  policy: HealthPolicy,
): TargetState {
  const breaker = { ...state.breaker, siblingOpenedAt: now };
  if (!disabling || state.lastGoodAt >= disabling.since) return withBreaker(state, breaker);
  const { reason, draw } = disabling;
  return withBreaker(state, disabledWithSibling(breaker, reason, now, drawOr(draw), policy));
}

function afterObservation(
  state: TargetState,
  { observation, now, draw }: Extract<HealthEvent, { type: 'observed' }>,
  profile: TargetProfile,
  policy: HealthPolicy,
): TargetState {
  const { outcome } = observation;
  if (outcome !== 'success' && !isFailureClass(outcome)) return state;
  const verdict = verdictOf(outcome);
  const blockedUntil = blockAfter(state.blockedUntil, observation, now, policy);
  const seen = counted({ ...state, lastCheckAt: now, blockedUntil }, observation, verdict);
  if (!isNews(observation, state.breaker, now)) return seen;

  const success = verdict === 'none' ? seen.success : recordOutcome(seen.success, verdict === 'good', now, policy);
  const wholeMs = verdict === 'good' ? measured(observation.latencyMs) : undefined;
  const firstTokenMs = measured(observation.firstTokenMs);
  const wellOtherwise =
    seen.breaker.phase === 'closed' && successEstimate(success, policy) > policy.baselineCalmSuccess;
  const perTokenMs = measured(observation.perTokenMs);
  const timing = {
    source: observation.source,
    wholeMs,
    ...(firstTokenMs !== undefined && { firstTokenMs }),
    ...(perTokenMs !== undefined && { perTokenMs }),
  };
  const latency = recordLatency(seen.latency, timing, now, wellOtherwise, policy);
  const breaker = judged(seen.breaker, observation, verdict, now, drawOr(draw), policy);
  const answered = verdict === 'good' ? answeredAt(seen, observation, now) : seen;
  return withBreaker({ ...answered, success, latency }, breaker);
}

const answeredAt = (state: TargetState, { source }: Observation, now: number): TargetState => ({
  ...state,
  lastGoodAt: now,
  lastGoodTrafficAt: source === 'traffic' ? now : state.lastGoodTrafficAt,
});

/** What a call says about its target: good, bad, or nothing. */
const verdictOf = (outcome: 'success' | FailureClass): 'good' | 'bad' | 'none' => {
  if (outcome === 'success') return 'good';
  const { health } = consequenceOf(outcome);
  return health === 'failure' || health === 'disable' ? 'bad' : 'none';
};

/** The counts that never forget, and what people are shown. */
function counted(state: TargetState, observation: Observation, verdict: 'good' | 'bad' | 'none'): TargetState {
  if (verdict === 'none') return state;
  const failed = verdict === 'bad';
  const isOut = state.breaker.phase !== 'closed';
  return {
    ...state,
    requests: state.requests + 1,
    failures: state.failures + (failed ? 1 : 0),
    article: observation.source === 'probe' ? countedProbe(state.article, observation, failed) : state.article,
    errorMessage: failed ? (observation.errorMessage ?? observation.outcome) : null,
    lastFailure: failed && observation.outcome !== 'success' ? observation.outcome : null,
    // The call that led to the opening explains it; those that failed since do not.
    evidence: isOut ? state.evidence : failed ? (observation.evidence ?? null) : null,
  };
}

const countedProbe = (article: TargetState['article'], { latencyMs }: Observation, failed: boolean) => ({
  probes: article.probes + 1,
  probeFailures: article.probeFailures + (failed ? 1 : 0),
  consecutiveProbeFailures: failed ? article.consecutiveProbeFailures + 1 : 0,
  probeLatencyMs: failed ? article.probeLatencyMs : (measured(latencyMs) ?? article.probeLatencyMs),
});

function judged(
  breaker: Breaker,
  { source, trial = false, panic = false, outcome }: Observation,
  verdict: 'good' | 'bad' | 'none',
  now: number,
  draw: number,
  policy: HealthPolicy,
): Breaker {
  const call: Verdict = { source, trial, panic };
  if (verdict === 'good') return afterSuccess(breaker, call, now, policy);
  if (verdict === 'none' || outcome === 'success') return breaker;
  const disabledBy = isDisabling(outcome) ? outcome : null;
  return afterFailure(breaker, call, disabledBy, now, draw, policy);
}

/** Without a generation the age of the call tells: by its duration, so that the clocks of others do not matter. */
function isNews({ generation, latencyMs }: Observation, breaker: Breaker, now: number): boolean {
  if (generation !== undefined) return generation >= breaker.generation;
  return now - (measured(latencyMs) ?? 0) >= breaker.changedAt;
}

/** A target that comes back is judged anew; that it failed or was slow before is what the ramp is for. */
function withBreaker(state: TargetState, breaker: Breaker): TargetState {
  if (breaker === state.breaker) return state;
  const closes = breaker.phase === 'closed' && state.breaker.phase !== 'closed';
  if (!closes) return { ...state, breaker };
  const success = { ...state.success, bad: 0 };
  return { ...state, breaker, success, latency: forgetSlowness(state.latency), ...NOTHING_WRONG };
}

const NOTHING_WRONG = { errorMessage: null, lastFailure: null, evidence: null };

function onClock(state: TargetState, now: number): TargetState {
  const backMs = state.foldedAt - now;
  if (backMs <= 0) return { ...state, foldedAt: now };
  return {
    ...movedBack(state, ['lastCheckAt', 'lastGoodAt', 'lastGoodTrafficAt', 'blockedUntil', 'foldedAt'], backMs),
    success: movedBack(state.success, ['agedAt'], backMs),
    latency: movedBack(state.latency, ['sampledAt'], backMs),
    breaker: movedBack(state.breaker, BREAKER_TIMES, backMs),
  };
}
