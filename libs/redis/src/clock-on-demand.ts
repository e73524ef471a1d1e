import type { FleetClock } from './fleet-clock.js';

/** A clock that was set longer ago is set anew, in milliseconds. */
const SYNC_EVERY_MS = 5_000;

/** The fleet's time for whoever asks for it now and then: set at the first question, and set anew behind later ones. */
export class ClockOnDemand {
  #setting: Promise<void> | undefined;
  #setAt = -Infinity;

  constructor(
    private readonly clock: FleetClock,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /**
   * Epoch milliseconds. Waits for Redis only the first time.
   * @throws whatever asking Redis for its time throws, as long as that has never worked
   */
  async now(): Promise<number> {
    if (this.monotonicMs() - this.#setAt > SYNC_EVERY_MS) {
      const set = this.#set();
      if (!this.clock.isSet) await set;
      // The clock goes on from its last reading.
      else set.catch(() => undefined);
    }
    return this.clock.now();
  }

  /**
   * The same without waiting.
   * @throws Error before `now` has answered once
   */
  read(): number {
    return this.clock.now();
  }

  #set(): Promise<void> {
    this.#setting ??= this.clock
      .sync()
      .then(() => void (this.#setAt = this.monotonicMs()))
      .finally(() => (this.#setting = undefined));
    return this.#setting;
  }
}
