import type { StopPatience } from './supervised-worker.js';

/** For handlers that were told to stop, to hand their jobs back, in milliseconds. */
const HAND_BACK_MS = 1_000;

/** For closing connections and for the last observations and spans, in milliseconds. */
const RESERVE_MS = 3_000;

/**
 * How long jobs in hand may go on when the whole process has `deadlineMs` to stop.
 * @param deadlineMs time from the request to stop until the process ends, whatever hangs
 */
export function stopPatience(deadlineMs: number): StopPatience {
  return { drainMs: Math.max(0, deadlineMs - HAND_BACK_MS - RESERVE_MS), handBackMs: HAND_BACK_MS };
}
