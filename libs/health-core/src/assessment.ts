import { articleScore, successRate } from './article-score.js';
import type { BreakerPhase, OpenReason } from './breaker.js';
import { latencyRatio, latencyTerm } from './latency.js';
import type { HealthPolicy } from './policy.js';
import { adaptiveScore } from './score.js';
import { successEstimate } from './success.js';
import type { TargetProfile } from './target-profile.js';
import type { TargetState } from './target-state.js';

/** The three conditions of a target: used as configured, used little or not at all, left alone. */
export type HealthCondition = 'healthy' | 'unhealthy' | 'unavailable';

/** What a state means under the policy's scoring. The only place where the two profiles part. */
export interface Assessment {
  condition: HealthCondition;
  breaker: BreakerPhase;
  reason: OpenReason | null;
  /** 0–100. */
  score: number;
  /** 0–1. */
  success: number;
  /** Milliseconds; null: not known. */
  latencyMs: number | null;
}

/** Judges a target by its state. */
export function assess(state: TargetState, profile: TargetProfile, policy: HealthPolicy): Assessment {
  const judged = policy.scoring === 'article' ? byArticle(state, policy) : byEvidence(state, profile, policy);
  const healthy = judged.score > policy.healthyAboveScore ? 'healthy' : 'unhealthy';
  return { ...judged, condition: judged.breaker === 'closed' ? healthy : 'unavailable' };
}

function byEvidence({ success, latency, breaker }: TargetState, profile: TargetProfile, policy: HealthPolicy) {
  const usualMs = Math.exp(latency.wholeLog);
  const latencyMs = usualMs * latencyRatio(latency, policy);
  const estimate = successEstimate(success, policy);
  const term = latencyTerm(latencyMs, usualMs, profile.maxLatencyMs, policy);
  const score = adaptiveScore(estimate, term, policy);
  return { breaker: breaker.phase, reason: breaker.reason, score, success: estimate, latencyMs };
}

/** The article knows no half-open: five failed probes in a row disable a model, the next good one enables it. */
function byArticle({ article, breaker }: TargetState, policy: HealthPolicy) {
  const success = successRate(article.probes, article.probeFailures);
  const score = articleScore(article.probeLatencyMs, success);
  const latencyMs = article.probeLatencyMs;
  // An operator's word counts under any scoring.
  if (breaker.reason === 'held_out')
    return { breaker: breaker.phase, reason: breaker.reason, score, success, latencyMs };
  const disabled = article.consecutiveProbeFailures >= policy.consecutiveToOpen;
  const phase: BreakerPhase = disabled ? 'open' : 'closed';
  const reason: OpenReason | null = disabled ? 'consecutive_failures' : null;
  return { breaker: phase, reason, score, success, latencyMs };
}
