/** What happens later: a binary heap by time; what is due at the same time happens in the order in which it was added. */
export class EventQueue {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: (() => void)[] = [];
  #added = 0;
  #now: number;

  constructor(startMs: number) {
    this.#now = startMs;
  }

  /** Time of the event that happens right now, epoch milliseconds of the simulated world. */
  get now(): number {
    return this.#now;
  }

  get size(): number {
    return this.#times.length;
  }

  /** Lets `action` happen at a time; one that has passed already means now. */
  at(timeMs: number, action: () => void): void {
    const time = Math.max(timeMs, this.#now);
    const order = this.#added++;
    let i = this.#times.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#isBefore(parent, time, order)) break;
      this.#move(parent, i);
      i = parent;
    }
    this.#put(i, time, order, action);
  }

  /** Makes the next event happen. @returns false when nothing is left */
  step(): boolean {
    const [time] = this.#times;
    const [action] = this.#actions;
    if (time === undefined || action === undefined) return false;
    this.#removeFirst();
    this.#now = time;
    action();
    return true;
  }

  #removeFirst(): void {
    const time = this.#times.pop() as number;
    const order = this.#orders.pop() as number;
    const action = this.#actions.pop() as () => void;
    const size = this.#times.length;
    if (size === 0) return;
    let i = 0;
    for (let child = 1; child < size; child = 2 * i + 1) {
      const right = child + 1;
      if (right < size && this.#isBefore(right, this.#times[child] as number, this.#orders[child] as number))
        child = right;
      if (!this.#isBefore(child, time, order)) break;
      this.#move(child, i);
      i = child;
    }
    this.#put(i, time, order, action);
  }

  #isBefore(i: number, time: number, order: number): boolean {
    const other = this.#times[i] as number;
    return other < time || (other === time && (this.#orders[i] as number) < order);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#orders[from] as number, this.#actions[from] as () => void);
  }

  #put(i: number, time: number, order: number, action: () => void): void {
    this.#times[i] = time;
    this.#orders[i] = order;
    this.#actions[i] = action;
  }
}
