/** A reading is wrong by at most half its round trip: one this short is good enough to take at once. */
const GOOD_ROUND_TRIP_MS = 10;

/** Otherwise so many readings are made. The first one often waits for a connection. */
const MAX_READINGS = 5;

/** Above this round trip a reading says too little about what time it is. */
const MAX_ROUND_TRIP_MS = 1_000;

/**
 * The time of Redis, which all processes share, so that the clocks of their machines need not agree. Between readings it runs on
 * this process's monotonic clock: somebody who sets the machine's clock moves nothing.
 */
export class FleetClock {
  #offsetMs: number | null = null;

  /**
   * @param readTimeMs asks Redis for its time, epoch milliseconds
   * @param monotonicMs milliseconds since any fixed moment
   */
  constructor(
    private readonly readTimeMs: () => Promise<number>,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /**
   * Reads the time anew, a few times if need be, and takes the quickest reading. One that took too long is used only while
   * there is no better one.
   * @throws whatever the read throws; the clock then goes on from its last reading
   */
  async sync(): Promise<void> {
    let [best, shortest] = [0, Infinity];
    for (let i = 0; i < MAX_READINGS && shortest > GOOD_ROUND_TRIP_MS; i++) {
      const asked = this.monotonicMs();
      const time = await this.readTimeMs();
      const answered = this.monotonicMs();
      if (answered - asked >= shortest) continue;
      shortest = answered - asked;
      best = time - (asked + answered) / 2;
    }
    if (this.#offsetMs === null || shortest <= MAX_ROUND_TRIP_MS) this.#offsetMs = best;
  }

  /** True after the first reading. */
  get isSet(): boolean {
    return this.#offsetMs !== null;
  }

  /**
   * Epoch milliseconds.
   * @throws Error before the first reading
   */
  now(): number {
    if (this.#offsetMs === null) throw new Error('FleetClock: now() before the first sync()');
    return this.monotonicMs() + this.#offsetMs;
  }
}
