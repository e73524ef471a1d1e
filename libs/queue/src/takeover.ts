/** BullMQ's two settings that decide when another process takes a job over, in milliseconds. */
export interface TakeoverTimes {
  /** How long a process has a job without a word that it still works on it. It gives that word each half of it. */
  lockDuration: number;
  /** How often it is checked whether such words have failed to come. */
  stalledInterval: number;
}

/**
 * How a job of a process that was killed gets to another one within `takeoverMs`: its lock ends, and a check sees that. BullMQ lets
 * every second check pass when its timer and the key that spaces the checks end in the same millisecond, so lock and two checks have
 * to fit in; a fiftieth is left for taking the job up. A process whose event loop is blocked for as long as the lock loses its jobs
 * in the same way, so the lock gets the larger part.
 */
export function takeoverTimes(takeoverMs: number): TakeoverTimes {
  return { lockDuration: Math.floor(takeoverMs * 0.6), stalledInterval: Math.floor(takeoverMs * 0.19) };
}
