import type { HealthPolicy } from './policy.js';
import type { TargetProfile } from './target-profile.js';
import { initialTargetState, type TargetState } from './target-state.js';
import type { TargetView } from './target-view.js';
import { initialBreaker, type Breaker } from './breaker.js';

/** How many calls the last snapshot's word on a target's success is worth. */
const SEED_CALLS = 10;

/**
 * A state for a router whose snapshot has gone stale: it starts from what the last snapshot said and is fed with what the
 * router sees itself. What was open or half-open stays open until a trial of this router succeeds; as no probe reports to
 * a router, time alone leads to the trial. Its generations count on from the snapshot's and are valid in this router
 * only: observations for the aggregator carry the generation of the last snapshot.
 * @param draw random number in [0, 1), so that routers do not start their trials in step
 */
export function seedFromView(
  view: TargetView,
  profile: TargetProfile,
  now: number,
  policy: HealthPolicy,
  draw = 0.5,
): TargetState {
  const state = initialTargetState(profile, policy);
  const wholeLog = Math.log(view.usualLatencyMs);
  // Twice the prior's samples: the same ratio comes out, and fades with the first answers.
  const samples = policy.latencyPriorSamples;
  const logRatio = view.latencyMs === null || policy.scoring === 'article' ? 0 : Math.log(view.latencyMs) - wholeLog;
  return {
    ...state,
    success: { ...successOf(view.successEstimate, policy), agedAt: now },
    article: { ...state.article, probeLatencyMs: policy.scoring === 'article' ? view.latencyMs : null },
    latency: {
      ...state.latency,
      wholeLog,
      wholeSamples: policy.baselineWarmupSamples,
      shortLog: Math.log(view.usualProbeMs),
      shortSamples: policy.baselineWarmupSamples,
      logRatioSum: logRatio * (samples + policy.latencyPriorSamples),
      samples,
      sampledAt: now,
    },
    breaker: breakerOf(view, now, policy, draw),
    // A snapshot from another clock must not shut a target for hours.
    blockedUntil: Math.min(view.blockedUntil, now + policy.retryAfterMaxMs),
    errorMessage: view.errorMessage,
    lastFailure: view.lastFailure,
    evidence: view.evidence,
    foldedAt: now,
  };
}

/** Counts that, with the prior, give this estimate; as near as they can where the prior alone is further away. */
function successOf(estimate: number, { priorCalls, priorSuccess }: HealthPolicy): { good: number; bad: number } {
  const good = estimate * (SEED_CALLS + priorCalls) - priorCalls * priorSuccess;
  const within = Math.min(SEED_CALLS, Math.max(0, good));
  return { good: within, bad: SEED_CALLS - within };
}

function breakerOf(view: TargetView, now: number, policy: HealthPolicy, draw: number): Breaker {
  const { generation, consecutiveFailures, reason } = view;
  // Times of a snapshot lie in the future when the clock was set back after it: what they tell has happened, but not yet
  // would never end. As if it had happened just now is the longest that it may count.
  const past = (at: number) => Math.min(now, at);
  const [closedAt, siblingOpenedAt] = [past(view.closedAt), past(view.siblingOpenedAt)];
  const known = { ...initialBreaker(), generation, consecutiveFailures, closedAt, siblingOpenedAt };
  if (view.breaker === 'closed') return { ...known, changedAt: past(view.changedAt), forgivenAt: now };
  const openMs = policy.openBaseMs * (1 + policy.openJitter * (2 * draw - 1));
  return { ...known, phase: 'open', reason, openings: 1, changedAt: now, openUntil: now + openMs };
}
