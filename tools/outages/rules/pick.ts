/** Shares of the total, which is 1 unless every weight is 0. */
export function sharesOf(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (sum > 0 ? weight / sum : 0));
}

/** Index drawn by weight; undefined when all weights are 0. */
export function pickByWeight(weights: readonly number[], draw: number): number | undefined {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum <= 0) return undefined;
  let left = draw * sum;
  let last: number | undefined;
  for (const [i, weight] of weights.entries()) {
    if (weight <= 0) continue;
    last = i;
    left -= weight;
    if (left < 0) return i;
  }
  return last;
}

/** Index of the largest value among those that `isAllowed`; undefined when none is. */
export function indexOfLargest(values: readonly number[], isAllowed: (i: number) => boolean): number | undefined {
  let best: number | undefined;
  for (const i of values.keys())
    if (isAllowed(i) && (best === undefined || (values[i] as number) > (values[best] as number))) best = i;
  return best;
}
