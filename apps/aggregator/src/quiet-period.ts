/** Lets the first of many equal messages through, and after it one per period. */
export class QuietPeriod {
  readonly #lastAt = new Map<string, number>();
  readonly #suppressed = new Map<string, number>();

  constructor(private readonly periodMs: number) {}

  /**
   * Whether a message about `key` may be written now. `key` comes from a bounded set.
   * @param now milliseconds on any clock that does not go back
   * @returns how many were held back since the last one; null to hold this one back as well
   */
  pass(key: string, now: number): number | null {
    const lastAt = this.#lastAt.get(key);
    const heldBack = this.#suppressed.get(key) ?? 0;
    if (lastAt !== undefined && now - lastAt < this.periodMs) {
      this.#suppressed.set(key, heldBack + 1);
      return null;
    }
    this.#lastAt.set(key, now);
    this.#suppressed.delete(key);
    return heldBack;
  }
}
