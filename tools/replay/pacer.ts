/** Starts work at recorded times, faster or slower, and never more than a number of them at once. */
export class Pacer {
  /** How late the latest start was, in milliseconds of this machine's time. */
  worstLagMs = 0;
  private readonly inFlight = new Set<Promise<void>>();
  private readonly startedAt = performance.now();

  constructor(
    private readonly speed: number,
    private readonly maxInFlight: number,
  ) {}

  /** Waits for the moment `offsetMs` of the recording, or for room if there is none, then starts `work`. It must not reject. */
  async start(offsetMs: number, work: () => Promise<void>): Promise<void> {
    const dueMs = this.startedAt + offsetMs / this.speed;
    const aheadMs = dueMs - performance.now();
    if (aheadMs > 0) await new Promise((resolve) => setTimeout(resolve, aheadMs));
    while (this.inFlight.size >= this.maxInFlight) await Promise.race(this.inFlight);
    this.worstLagMs = Math.max(this.worstLagMs, performance.now() - dueMs);
    const running: Promise<void> = work().finally(() => this.inFlight.delete(running));
    this.inFlight.add(running);
  }

  /** Settles when everything started has ended. */
  async finish(): Promise<void> {
    await Promise.all(this.inFlight);
  }
}
