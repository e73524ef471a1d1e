import { isDisabling } from './breaker.js';
import { assess, type Assessment } from './assessment.js';
import type { OpenReason } from './breaker.js';
import type { AccountBlock, ChangeReason, HealthEffect, HealthEvent, SharedDisabling } from './health-event.js';
import { measured } from './latency.js';
import type { Observation } from './observation.js';
import type { HealthPolicy } from './policy.js';
import type { TargetProfile } from './target-profile.js';
import type { TargetState } from './target-state.js';

/** Blocks that end within this of each other are one. */
const SAME_BLOCK_MS = 250;

/** What the caller has to do, now that this event has led from one state to the other. */
export function effectsOf(
  before: TargetState,
  after: TargetState,
  event: HealthEvent,
  profile: TargetProfile,
  policy: HealthPolicy,
): HealthEffect[] {
  const [was, is] = [assess(before, profile, policy), assess(after, profile, policy)];
  const observation = event.type === 'observed' ? event.observation : undefined;
  const cause = observation && { cause: observation };
  const effects: HealthEffect[] = [];
  if (was.condition !== is.condition)
    effects.push({
      type: 'state-changed',
      from: was.condition,
      to: is.condition,
      reason: changeReason(was, is),
      scoreBefore: was.score,
      scoreAfter: is.score,
      ...cause,
    });
  if (was.breaker !== is.breaker) {
    const { generation, openUntil } = after.breaker;
    const reason = is.breaker === 'open' ? is.reason : null;
    effects.push({ type: 'breaker-changed', from: was.breaker, to: is.breaker, generation, reason, ...cause });
    // What an operator does to one target says nothing about its siblings.
    if (reason !== null && reason !== 'held_out')
      effects.push({ type: 'opened', reason, openUntil, disabling: sharedDisabling(reason, event) });
  }
  // More answers to calls that were under way say the same once more.
  const grownMs = after.blockedUntil - Math.max(before.blockedUntil, event.now);
  if (observation && grownMs > SAME_BLOCK_MS)
    effects.push({
      type: 'blocked',
      forMs: after.blockedUntil - event.now,
      account: accountBlock(observation, after.blockedUntil, event.now),
      cause: observation,
    });
  if (observation?.outcome === 'success' && (measured(observation.latencyMs) ?? 0) > profile.maxLatencyMs) {
    const { latencyMs, source } = observation;
    effects.push({ type: 'slow-answer', latencyMs, maxLatencyMs: profile.maxLatencyMs, source });
  }
  return effects;
}

/**
 * A refused key, an empty account and a closed region concern all targets of the provider; a permission that is missing and a model
 * that is gone do not. Where the provider did not say which it was, a 403 is a missing permission.
 */
function sharedDisabling(reason: OpenReason, event: HealthEvent): SharedDisabling | undefined {
  if (event.type !== 'observed' || !isDisabling(reason) || reason === 'model_gone') return undefined;
  const { httpStatus, latencyMs, scope } = event.observation;
  const assumed = httpStatus === undefined || httpStatus === 403 ? 'target' : 'key';
  if (reason === 'auth' && (scope ?? assumed) === 'target') return undefined;
  return { reason, since: event.now - (measured(latencyMs) ?? 0), draw: event.draw };
}

const accountBlock = ({ scope, latencyMs }: Observation, until: number, now: number): AccountBlock | null =>
  scope === 'key' ? { since: now - (measured(latencyMs) ?? 0), until } : null;

function changeReason(was: Assessment, is: Assessment): ChangeReason {
  if (is.condition === 'unavailable') return is.reason ?? 'consecutive_failures';
  if (was.condition === 'unavailable') return 'recovered';
  return is.condition === 'healthy' ? 'score_above_threshold' : 'score_below_threshold';
}
