/** Lines that say the same of different jobs. */
interface Group {
  count: number;
  /** Of the latest line. */
  show: (count: number) => void;
  timer: NodeJS.Timeout;
}

/** Long enough for the others of the same moment to join, short enough to still be news. */
const FIRST_MS = 750;
const NEXT_MS = 2_000;

/** Counts lines of the same key and shows them together: each key at most once in two seconds. */
export class LineDigest {
  private readonly groups = new Map<string, Group>();

  /** @param show called later with how many lines came under `key` */
  add(key: string, show: (count: number) => void): void {
    const group = this.groups.get(key);
    if (group) {
      group.count++;
      group.show = show;
      return;
    }
    this.groups.set(key, { count: 1, show, timer: this.later(key, FIRST_MS) });
  }

  /** Shows everything that waits. */
  flush(): void {
    for (const { count, show, timer } of this.groups.values()) {
      clearTimeout(timer);
      if (count > 0) show(count);
    }
    this.groups.clear();
  }

  private later(key: string, delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.expire(key), delayMs).unref();
  }

  private expire(key: string): void {
    const group = this.groups.get(key);
    if (!group) return;
    if (group.count === 0) {
      this.groups.delete(key);
      return;
    }
    const { count, show } = group;
    this.groups.set(key, { ...group, count: 0, timer: this.later(key, NEXT_MS) });
    show(count);
  }
}
