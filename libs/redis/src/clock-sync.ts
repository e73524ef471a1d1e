import type { FleetClock } from './fleet-clock.js';

/** How often the clock is set anew. Quartz drifts by microseconds in that time; what this finds out is whether Redis is there. */
const SYNC_EVERY_MS = 5_000;

/** While Redis is away, how often it is asked again. */
const RETRY_MS = 500;

/** Hears whether Redis can be worked with. */
export interface RedisCondition {
  met(): void;
  /** @param reason what is wrong and what to do, in one sentence */
  lost(reason?: string): void;
}

/** Keeps the clock by Redis, and says whether Redis is there. */
export class ClockSync {
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param onSet called once, when the clock can be read for the first time */
  constructor(
    private readonly clock: FleetClock,
    private readonly condition: RedisCondition,
    private readonly onSet: () => void = () => undefined,
  ) {}

  /** Begins, and goes on until it is stopped; Redis may come later. */
  start(): void {
    void this.#sync();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #sync(): Promise<void> {
    const first = !this.clock.isSet;
    let pauseMs = SYNC_EVERY_MS;
    try {
      await this.clock.sync();
      if (this.#stopped) return;
      this.condition.met();
      if (first) this.onSet();
    } catch {
      pauseMs = RETRY_MS;
      this.condition.lost();
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#sync(), pauseMs);
    // A process that has nothing else to do may end.
    this.#timer.unref();
  }
}
