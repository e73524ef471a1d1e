/**
 * What a bound on time allows for the busy machine on which tests run, in milliseconds: `toBeLessThan(1_000 + SLACK_MS)`. Bounds
 * tell what waits for nothing from what waits for a time limit or for ever, which is much longer.
 */
export const SLACK_MS = 3_000;
