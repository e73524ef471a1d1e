import type { HealthPolicy } from './policy.js';

/** Adaptive score, 0–100. A product: neither a fast target that fails nor a slow one that answers is healthy. */
export function adaptiveScore(success: number, latencyTerm: number, { scoreExponent }: HealthPolicy): number {
  return 100 * success ** scoreExponent * latencyTerm;
}

/**
 * What a score leaves of the configured weight, `floor`–1. Everything from `fullShareAtScore` up counts as 1: healthy
 * targets get exactly what is configured, whatever the noise in their scores.
 */
export function healthFactorOf(score: number, floor: number, policy: HealthPolicy): number {
  const { healthyAboveScore, fullShareAtScore } = policy;
  const factor = (score - healthyAboveScore) / (fullShareAtScore - healthyAboveScore);
  return Math.min(1, Math.max(floor, factor));
}

/**
 * What the ramp leaves of the weight of a target that closed at `closedAt`, `rampFloor`–1. A time further in the future
 * than the ramp is long comes from another clock and says nothing.
 */
export function rampFactor(closedAt: number, now: number, { rampMs, rampFloor }: HealthPolicy): number {
  const grown = (now - closedAt) / rampMs;
  return grown >= 1 || grown < -1 ? 1 : Math.max(rampFloor, grown);
}
