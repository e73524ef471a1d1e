import { initialBreaker, type Breaker } from './breaker.js';
import { initialLatency, type LatencyEvidence } from './latency.js';
import type { FailureClass } from './failure.js';
import type { HealthPolicy } from './policy.js';
import { initialSuccess, type SuccessEvidence } from './success.js';
import type { TargetProfile } from './target-profile.js';

/**
 * All that is remembered of one target: plain data of constant size (about 1 kB of JSON), so that it can be stored and
 * taken up by the next leader. Times are epoch milliseconds on the clock of whoever folds; 0 means never.
 */
export interface TargetState {
  /** Counted calls, from probes and traffic, since the target was first configured. */
  requests: number;
  failures: number;
  /** What the `article` profile goes by. */
  article: ArticleRecord;
  /** What the `adaptive` profile goes by. */
  success: SuccessEvidence;
  latency: LatencyEvidence;
  breaker: Breaker;
  lastCheckAt: number;
  /** When a call last got an answer, and when one of the jobs did. */
  lastGoodAt: number;
  lastGoodTrafficAt: number;
  /** All routers leave it alone until then, because it asked for that. */
  blockedUntil: number;
  /** What the last failure said; null after a success. */
  errorMessage: string | null;
  /** What the last failure was; null after a success. */
  lastFailure: FailureClass | null;
  /** Traceparent of the last failed call before the target became unavailable; null after a success. */
  evidence: string | null;
  /** Clock of the last event; when the clock goes back, all times here go back with it. */
  foldedAt: number;
}

/** The article's record of a model: probes only, over the whole lifetime. */
export interface ArticleRecord {
  probes: number;
  probeFailures: number;
  consecutiveProbeFailures: number;
  /** Of the last good probe. */
  probeLatencyMs: number | null;
}

/** State of a target of which nothing is known: closed, and trusted as the prior says. */
export function initialTargetState(profile: TargetProfile, policy: HealthPolicy): TargetState {
  return {
    requests: 0,
    failures: 0,
    article: { probes: 0, probeFailures: 0, consecutiveProbeFailures: 0, probeLatencyMs: null },
    success: initialSuccess(),
    latency: initialLatency(profile, policy),
    breaker: initialBreaker(),
    lastCheckAt: 0,
    lastGoodAt: 0,
    lastGoodTrafficAt: 0,
    blockedUntil: 0,
    errorMessage: null,
    lastFailure: null,
    evidence: null,
    foldedAt: 0,
  };
}
