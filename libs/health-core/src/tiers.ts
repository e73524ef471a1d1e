/**
 * Share of the traffic per tier (Envoy's priority levels). A tier keeps all of it until its health falls below
 * 1 / `overprovision`; what it cannot take goes to the next.
 * @param health 0–1 per tier, the normal tier first
 * @returns shares that sum to 1, or only zeros when no tier has any health
 */
export function tierShares(health: readonly number[], overprovision: number): number[] {
  const able = health.map((part) => Math.min(1, Math.max(0, part) * overprovision));
  const total = Math.min(
    1,
    able.reduce((sum, part) => sum + part, 0),
  );
  if (total <= 0) return health.map(() => 0);
  let left = 1;
  return able.map((part) => {
    const share = Math.min(left, part / total);
    left -= share;
    return share;
  });
}
