/** Admits at most `limit` requests in any `windowMs` milliseconds. */
export class RequestWindow {
  /** When the last `limit` admitted requests came, as a ring: `next` is the oldest. */
  private readonly admittedAtMs: number[] = [];
  private next = 0;

  constructor(
    private readonly limit: number,
    private readonly windowMs: number,
  ) {}

  /** 0 when the request is admitted, else the milliseconds until one would be. */
  admit(nowMs: number): number {
    if (this.limit === 0) return this.windowMs;
    const oldestMs = this.admittedAtMs[this.next];
    if (oldestMs !== undefined && nowMs - oldestMs < this.windowMs) return oldestMs + this.windowMs - nowMs;
    this.admittedAtMs[this.next] = nowMs;
    this.next = (this.next + 1) % this.limit;
    return 0;
  }
}
