import { consequenceOf } from './failure.js';
import type { Observation } from './observation.js';
import { conditionOf, scoreOf, type HealthCondition, type TargetState } from './target-state.js';

/** The numbers an operator may change. */
export interface HealthPolicy {
  /** Failures in a row after which a target is unavailable. */
  failuresToDisable: number;
  /** A successful answer slower than this is worth a warning, in milliseconds. */
  maxLatencyMs: number;
}

/**
 * Observations come from many processes, and their way to us takes a few milliseconds, now more, now less. Times closer than
 * this say nothing about what came first; the order of arrival does.
 */
const SAME_TIME_MS = 50;

/** Why the condition of a target changed. */
export type ChangeReason = 'consecutive_failures' | 'success' | 'score_below_threshold' | 'score_above_threshold';

/** What the caller must do. The core never does it. */
export type HealthEffect =
  | {
      type: 'state-changed';
      from: HealthCondition;
      to: HealthCondition;
      reason: ChangeReason;
      scoreBefore: number;
      scoreAfter: number;
      /** The observation that tipped the scale. */
      cause: Observation;
    }
  | { type: 'slow-answer'; latencyMs: number; maxLatencyMs: number; source: Observation['source'] };

/**
 * Folds one observation into the state of its target. The article's rules: `failuresToDisable` failures in a row make
 * the target unavailable, the next success makes it available again. Every counted failure is a counted request, also a
 * timeout. What says nothing about the target (the caller's fault, a rate limit) is not counted at all.
 *
 * Observations may come late. The counts take every one; latency, the row of failures and availability only follow what
 * is newer than what they rest on. The caller removes repeats.
 */
export function transition(
  state: TargetState,
  observation: Observation,
  policy: HealthPolicy,
): [next: TargetState, effects: HealthEffect[]] {
  const next = nextState(state, observation, policy);
  return [next, effectsOf(state, next, observation, policy)];
}

function nextState(state: TargetState, observation: Observation, policy: HealthPolicy): TargetState {
  const checked = { ...state, lastCheckAt: Math.max(state.lastCheckAt, observation.at) };
  if (observation.outcome === 'success') return afterSuccess(checked, observation);
  if (consequenceOf(observation.outcome).health === 'failure') return afterFailure(checked, observation, policy);
  return checked;
}

function afterSuccess(state: TargetState, observation: Observation): TargetState {
  const { at, source, latencyMs } = observation;
  const counted = { ...state, requests: state.requests + 1, lastSuccessAt: Math.max(state.lastSuccessAt, at) };
  if (source === 'probe' && at >= state.lastProbeAt) {
    counted.lastProbeAt = at;
    counted.latencyMs = latencyMs;
  }
  if (isBefore(at, state.lastFailureAt) || beganBeforeLastChange(state, observation)) return counted;
  return {
    ...counted,
    consecutiveFailures: 0,
    available: true,
    availabilityChangedAt: state.available ? state.availabilityChangedAt : at,
    errorMessage: null,
    evidence: null,
  };
}

function afterFailure(state: TargetState, observation: Observation, policy: HealthPolicy): TargetState {
  const { at } = observation;
  const counted = {
    ...state,
    requests: state.requests + 1,
    failures: state.failures + 1,
    lastFailureAt: Math.max(state.lastFailureAt, at),
  };
  if (isBefore(at, state.lastSuccessAt) || beganBeforeLastChange(state, observation)) return counted;

  const consecutiveFailures = state.consecutiveFailures + 1;
  const failed = { ...counted, consecutiveFailures, errorMessage: observation.errorMessage ?? observation.outcome };
  if (!state.available || consecutiveFailures < policy.failuresToDisable) return failed;
  return { ...failed, available: false, availabilityChangedAt: at, evidence: observation.evidence ?? null };
}

/** A call that hung through the outage and timed out after the recovery is news of the outage, not of now. */
function beganBeforeLastChange(state: TargetState, { at, latencyMs }: Observation): boolean {
  return isBefore(at - latencyMs, state.availabilityChangedAt);
}

const isBefore = (at: number, other: number): boolean => at < other - SAME_TIME_MS;

function effectsOf(before: TargetState, after: TargetState, cause: Observation, policy: HealthPolicy): HealthEffect[] {
  const effects: HealthEffect[] = [];
  const [from, to] = [conditionOf(before), conditionOf(after)];
  if (from !== to) {
    const [scoreBefore, scoreAfter] = [scoreOf(before), scoreOf(after)];
    effects.push({ type: 'state-changed', from, to, reason: reasonOf(from, to), scoreBefore, scoreAfter, cause });
  }
  if (cause.outcome === 'success' && cause.latencyMs > policy.maxLatencyMs) {
    const { latencyMs, source } = cause;
    effects.push({ type: 'slow-answer', latencyMs, maxLatencyMs: policy.maxLatencyMs, source });
  }
  return effects;
}

function reasonOf(from: HealthCondition, to: HealthCondition): ChangeReason {
  if (to === 'unavailable') return 'consecutive_failures';
  if (from === 'unavailable') return 'success';
  return to === 'healthy' ? 'score_above_threshold' : 'score_below_threshold';
}
