/** Credit above this is not saved up: a target that was out must not be flooded when it is back. */
const MAX_CREDIT = 1.5;
/** Credit that a target without a share keeps per decision. */
const KEPT_CREDIT = 0.5;

/**
 * Smooth weighted round robin: everybody is credited with its share, who has most is picked and pays 1. Over any n picks
 * each gets n × share, give or take two; drawing at random would be off by ten times that.
 * @returns the picked index (-1 if all shares are 0) and the credits to keep
 */
export function pickSmoothly(
  shares: readonly number[],
  credits: readonly number[],
): { picked: number; credits: number[] } {
  let picked = -1;
  const next: number[] = [];
  for (let i = 0; i < shares.length; i++) {
    const [share, credit] = [shares[i] ?? 0, credits[i] ?? 0];
    next.push(share > 0 ? Math.min(MAX_CREDIT, credit + share) : credit * KEPT_CREDIT);
    if (share > 0 && (picked < 0 || (next[i] ?? 0) > (next[picked] ?? 0))) picked = i;
  }
  if (picked >= 0) next[picked] = (next[picked] ?? 0) - 1;
  return { picked, credits: next };
}

/** The index that a number in [0, 1) falls on, each as likely as its share; -1 if all shares are 0. */
export function pickAtRandom(shares: readonly number[], draw: number): number {
  let rest = draw;
  let last = -1;
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i] ?? 0;
    if (share <= 0) continue;
    last = i;
    rest -= share;
    if (rest < 0) return i;
  }
  return last;
}
