const LATENCY_SHARE = 0.3;
const SUCCESS_SHARE = 0.7;
/** Milliseconds of latency that cost one point of the latency term; 500 ms and more leave nothing of it. */
const MS_PER_POINT = 5;

/**
 * Score of the `article` profile: 30 % latency, 70 % success, 0 to 100.
 * @param latencyMs of the last successful probe; null (none yet) counts as 0, since nothing speaks against the target
 * @param successRate 0–1
 */
export function articleScore(latencyMs: number | null, successRate: number): number {
  const latencyTerm = Math.max(0, 100 - (latencyMs ?? 0) / MS_PER_POINT);
  return LATENCY_SHARE * latencyTerm + SUCCESS_SHARE * successRate * 100;
}

/** Share of calls that succeeded, 0–1; 1 before the first call. */
export function successRate(requests: number, failures: number): number {
  return requests === 0 ? 1 : (requests - failures) / requests;
}
