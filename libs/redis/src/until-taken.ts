import { setTimeout as pause } from 'node:timers/promises';

/** How long to wait before a refused write is tried again, in milliseconds. */
const PAUSE_MS = 250;

/** Refusals that pass: out of memory, disk full, still loading, a master that has become a replica, a cluster without a master. */
const PASSING = /^(OOM|MISCONF|LOADING|READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|BUSY)\b/;

/**
 * Does `work` as often as Redis refuses it for a reason that passes. For what must not be thrown away: a patient connection
 * waits for a Redis that is away, and this for one that is there and cannot.
 * @throws what `work` throws otherwise, and the last refusal once `signal` is aborted
 */
export async function untilTaken<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !PASSING.test((error as Error).message)) throw error;
      // An abort ends the pause; the next refusal is then the last.
      await pause(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
