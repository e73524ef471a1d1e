import type { HealthPolicy } from './policy.js';

/** Successes and failures of late, each older one counting less. */
export interface SuccessEvidence {
  good: number;
  bad: number;
  /** When the counts were last aged. */
  agedAt: number;
}

/** No evidence yet: the estimate is the prior's. */
export const initialSuccess = (): SuccessEvidence => ({ good: 0, bad: 0, agedAt: 0 });

/**
 * Ages the evidence and adds one outcome. A gap ages it by `evidenceGapMs` at most: by time while the target is busy, by
 * count while it is quiet. So a target that gets no traffic keeps its bad mark until a probe says otherwise.
 */
export function recordOutcome(evidence: SuccessEvidence, ok: boolean, now: number, policy: HealthPolicy) {
  const gapMs = Math.min(Math.max(0, now - evidence.agedAt), policy.evidenceGapMs);
  const aging = 2 ** (-gapMs / policy.evidenceHalfLifeMs);
  return {
    good: evidence.good * aging + (ok ? 1 : 0),
    bad: evidence.bad * aging + (ok ? 0 : 1),
    agedAt: now,
  };
}

/** Estimated chance that the next call succeeds, in (0, 1): the evidence, with `priorCalls` imagined calls added. */
export function successEstimate({ good, bad }: SuccessEvidence, { priorCalls, priorSuccess }: HealthPolicy): number {
  return (good + priorCalls * priorSuccess) / (good + bad + priorCalls);
}
