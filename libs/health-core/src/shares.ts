import type { HealthPolicy } from './policy.js';
import { tierShares } from './tiers.js';

/** An alternative of one decision. */
export interface Weighted {
  tier: number;
  /** Configured weight. */
  weight: number;
  /** Weight × health factor × ramp; 0 for a target that cannot be asked now. */
  effective: number;
}

/**
 * Each alternative's part in the traffic: first between the tiers, then by effective weight within the tier.
 * @returns shares in the order given; they sum to 1, or are all 0 when no alternative has any effective weight
 */
export function sharesOf(alternatives: readonly Weighted[], policy: HealthPolicy): number[] {
  const tiers = sumsOfTiers(alternatives);
  const health = tiers.map(({ configured, effective }) => (configured > 0 ? effective / configured : 0));
  const shareOfTier = tierShares(health, policy.tierOverprovision);
  const perWeight = tiers.map(({ effective }, i) => (effective > 0 ? (shareOfTier[i] ?? 0) / effective : 0));
  return alternatives.map(({ tier, effective }) => effective * (perWeight[indexOfTier(tiers, tier)] ?? 0));
}

interface TierSum {
  tier: number;
  configured: number;
  effective: number;
}

/** The tiers in their order. There are one or two, rarely more: looking through them is faster than a map. */
function sumsOfTiers(alternatives: readonly Weighted[]): TierSum[] {
  const tiers: TierSum[] = [];
  for (const { tier, weight, effective } of alternatives) {
    const sum = tiers[indexOfTier(tiers, tier)];
    if (sum) {
      sum.configured += weight;
      sum.effective += effective;
    } else tiers.push({ tier, configured: weight, effective });
  }
  return tiers.toSorted((a, b) => a.tier - b.tier);
}

function indexOfTier(tiers: readonly TierSum[], tier: number): number {
  for (let i = 0; i < tiers.length; i++) if (tiers[i]?.tier === tier) return i;
  return -1;
}
