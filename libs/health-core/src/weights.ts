/** What a target's share of the traffic depends on. */
export interface Weighable {
  /** Configured weight. */
  weight: number;
  /** 0–100. */
  score: number;
  /** Available and score above 50. */
  healthy: boolean;
}

/**
 * Routing weights of the `article` profile: `weight × score / (sum of scores) × 100`, over the healthy targets. They are
 * relative to each other and do not sum to 100; a target's share of the traffic is its weight over the sum of all.
 * An unhealthy target gets 0. When no target is healthy all get 0: weights have nothing to say then, and routers fall
 * back on their order of last resort.
 * @returns one weight per target, in the order given
 */
export function routingWeights(targets: readonly Weighable[]): number[] {
  const scores = targets.reduce((sum, { healthy, score }) => (healthy ? sum + score : sum), 0);
  return targets.map(({ healthy, score, weight }) => (healthy ? ((weight * score) / scores) * 100 : 0));
}
