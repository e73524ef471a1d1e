/** First wait after a pass in which every target failed, in milliseconds; doubles with each further pass. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * How long a job waits in the queue after every target has failed it, in milliseconds.
 * Doubling keeps a long outage from burning calls; the jitter of ±25 % keeps waiting jobs from returning in step.
 * @param pass how often it has waited before, from 0
 * @param retryAfterMs shortest wait that a provider asked for, if one did
 * @param draw random number in [0, 1)
 */
export function pauseBeforeNextPass(pass: number, retryAfterMs: number | undefined, draw: number): number {
  const doubled = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(pass, 30), LONGEST_PAUSE_MS);
  const jittered = doubled * (0.75 + draw / 2);
  // A provider's wish is a lower bound: coming earlier would only be refused again.
  return Math.round(Math.max(jittered, Math.min(retryAfterMs ?? 0, 120_000)));
}
