/** How often a line is written although nothing has changed. */
const STILL_THE_SAME_MS = 30_000;

/** Decides, where no live table can be seen, when its content is worth a line. */
export class ChangeWatch {
  private last: string | undefined;
  private toldAt = -Infinity;

  /**
   * @param state whatever may change
   * @param now milliseconds on any steady clock
   */
  isWorthALine(state: string, now: number): boolean {
    if (state === this.last && now - this.toldAt < STILL_THE_SAME_MS) return false;
    this.last = state;
    this.toldAt = now;
    return true;
  }
}
