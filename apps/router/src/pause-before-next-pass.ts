/** First wait after a pass that used up its calls, in milliseconds; doubles with each further pass. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * How long a job waits in the queue after it has made all the calls of one pass, in milliseconds.
 * Doubling keeps a long outage from burning calls; the jitter of ±25 % keeps waiting jobs from returning in step.
 * @param parkings how often it has waited before
 * @param draw random number in [0, 1)
 */
export function pauseBeforeNextPass(parkings: number, draw: number): number {
  const doubled = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(parkings, 30), LONGEST_PAUSE_MS);
  return Math.round(doubled * (0.75 + draw / 2));
}
