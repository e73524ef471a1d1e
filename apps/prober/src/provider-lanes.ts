import pLimit, { type LimitFunction } from 'p-limit';

/** How long to wait for room in a lane. */
export interface LanePatience {
  /** After this, the work is given up. */
  waitMs: number;
  /** Ends the waiting; `run` then rejects with its reason. */
  signal: AbortSignal;
}

/**
 * A lane per provider, with room for so many pings at once. A provider that hangs fills its own lane and delays nobody else.
 */
export class ProviderLanes {
  readonly #lanes: ReadonlyMap<string, LimitFunction>;

  /** @param widths pings at once, by provider */
  constructor(widths: Iterable<readonly [provider: string, width: number]>) {
    this.#lanes = new Map(Array.from(widths, ([provider, width]) => [provider, pLimit(width)]));
  }

  /**
   * Runs `work` as soon as there is room, unless patience ends first. Work that has begun is not cut.
   * @returns what `work` returned, or null when it was given up
   */
  run<T>(provider: string, { waitMs, signal }: LanePatience, work: () => Promise<T>): Promise<T | null> {
    const lane = this.#lanes.get(provider);
    if (!lane) throw new Error(`ProviderLanes: no lane for "${provider}"`);
    return new Promise((resolve, reject) => {
      let waiting = true;
      const stopWaiting = () => {
        waiting = false;
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const timer = setTimeout(() => {
        stopWaiting();
        resolve(null);
      }, waitMs);
      const onAbort = () => {
        stopWaiting();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) return onAbort();

      lane(async () => {
        if (!waiting) return;
        stopWaiting();
        resolve(await work());
      }).catch(reject);
    });
  }
}
