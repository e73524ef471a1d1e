import { probeIntervalMs, type HealthPolicy, type TargetView } from '#libs/health-core';

/** Each step of an open target's interval is so much longer than the one before. */
const STEP = 1.3;

/** What the interval of a target depends on, beside the target itself. */
export interface ProbeSituation {
  /** The configured interval: only the probes of a disabled target are more seldom. */
  usualMs: number;
  /** Whether some target of the fleet can be asked. */
  isAnyClosed: boolean;
  now: number;
}

/**
 * Length of the slots in which a target is to be pinged now, in whole milliseconds. Probers begin new slots whenever the length
 * changes, so the interval of an open target, which grows with time, is rounded down to a few steps.
 */
export function probeSlotMs(view: TargetView, situation: ProbeSituation, policy: HealthPolicy): number {
  const { usualMs, isAnyClosed, now } = situation;
  const wishedMs = probeIntervalMs(view, isAnyClosed, usualMs, now, policy);
  const isGrowing = view.breaker !== 'closed' && wishedMs > policy.probeOpenMs && wishedMs <= policy.probeOpenMaxMs;
  const steps = isGrowing ? Math.floor(Math.log(wishedMs / policy.probeOpenMs) / Math.log(STEP)) : 0;
  return Math.max(1, Math.round(isGrowing ? policy.probeOpenMs * STEP ** steps : wishedMs));
}
