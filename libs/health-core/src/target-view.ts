import { assess } from './assessment.js';
import { hasFreshProbe, type BreakerPhase, type OpenReason } from './breaker.js';
import type { FailureClass } from './failure.js';
import type { HealthPolicy } from './policy.js';
import { healthFactorOf } from './score.js';
import type { TargetProfile } from './target-profile.js';
import type { TargetState } from './target-state.js';

/** What a router needs to know of a target: one entry of the health snapshot. Plain data, about 400 bytes of JSON. */
export interface TargetView {
  /** `<provider>/<model>`. */
  target: string;
  provider: string;
  tier: number;
  /** Configured weight. */
  weight: number;
  breaker: BreakerPhase;
  /** Number of breaker transitions so far; calls carry it back in their observations. */
  generation: number;
  /** The breaker is closed. */
  available: boolean;
  /** Available and score above the threshold. */
  healthy: boolean;
  /** 0–100. */
  score: number;
  /** What health leaves of the configured weight, 0–1, before the ramp. */
  healthFactor: number;
  /** 0–1; in the article profile the lifetime success rate of probes. */
  successEstimate: number;
  /** Of a whole answer at present, in milliseconds; in the article profile of the last good probe. Null: not known. */
  latencyMs: number | null;
  /** What is usual for the target: of a whole answer, in milliseconds. */
  usualLatencyMs: number;
  /** What is usual for the target: of a ping, or to the first token, in milliseconds. */
  usualProbeMs: number;
  consecutiveFailures: number;
  /** When the breaker last closed. The reader computes the ramp from it, so that a snapshot ages well. */
  closedAt: number;
  /** When the breaker last changed. */
  changedAt: number;
  /** End of the minimum time of being open; in the past unless the breaker is open. */
  openUntil: number;
  /** When a sibling's breaker last opened. */
  siblingOpenedAt: number;
  /** It asked all routers to leave it alone until then; 0: it never did. */
  blockedUntil: number;
  /** Why the breaker is not closed; null when it is. */
  reason: OpenReason | null;
  /** What the last failure said; null after a success. */
  errorMessage: string | null;
  /** What the last failure was; null after a success. */
  lastFailure: FailureClass | null;
  /** Traceparent of the call that opened the breaker; null while it is closed. */
  evidence: string | null;
  /** When a probe last told something, good or bad. */
  lastProbeAt: number;
  /** Good probes in a row since the breaker last opened. */
  goodProbes: number;
  /** When a job last got an answer from it; 0: never. */
  lastGoodTrafficAt: number;
}

/** The view of a target at `now`. */
export function viewTarget(state: TargetState, profile: TargetProfile, now: number, policy: HealthPolicy): TargetView {
  const { condition, breaker, reason, score, success, latencyMs } = assess(state, profile, policy);
  const healthy = condition === 'healthy';
  const isArticle = policy.scoring === 'article';
  return {
    target: profile.id,
    provider: profile.provider,
    tier: profile.tier,
    weight: profile.weight,
    breaker,
    generation: state.breaker.generation,
    available: breaker === 'closed',
    healthy,
    score,
    healthFactor: isArticle
      ? articleFactor(score, healthy)
      : healthFactorOf(score, floorOf(state, now, policy), policy),
    successEstimate: success,
    latencyMs,
    usualLatencyMs: Math.exp(state.latency.wholeLog),
    usualProbeMs: Math.exp(state.latency.shortLog),
    consecutiveFailures: isArticle ? state.article.consecutiveProbeFailures : state.breaker.consecutiveFailures,
    // The article knows no ramp.
    closedAt: isArticle ? 0 : state.breaker.closedAt,
    changedAt: state.breaker.changedAt,
    openUntil: state.breaker.openUntil,
    siblingOpenedAt: state.breaker.siblingOpenedAt,
    blockedUntil: state.blockedUntil,
    reason,
    errorMessage: state.errorMessage,
    lastFailure: state.lastFailure,
    evidence: breaker === 'closed' ? null : state.evidence,
    lastProbeAt: state.breaker.lastProbeAt,
    goodProbes: state.breaker.goodProbes,
    lastGoodTrafficAt: state.lastGoodTrafficAt,
  };
}

/** Share in proportion to the score, nothing for an unhealthy target. */
const articleFactor = (score: number, healthy: boolean) => (healthy ? score / 100 : 0);

const floorOf = ({ breaker }: TargetState, now: number, policy: HealthPolicy) =>
  hasFreshProbe(breaker.lastProbeAt, now, policy) ? policy.floorFactor : policy.blindFloorFactor;
