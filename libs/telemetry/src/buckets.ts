/** Calls to providers. The bounds are part of the published contract: quantiles above 10 s cannot be told apart. */
export const CALL_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Waiting in a queue: from an idle worker (milliseconds) to an outage. */
export const QUEUE_WAIT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
