/** Lines that say the same of different jobs. */
interface Group {
  jobs: Set<string>;
  /** Of the latest line. */
  show: (count: number) => void;
  timer: NodeJS.Timeout;
}

/** Long enough for the others of the same moment to join, short enough to still be news. */
const FIRST_MS = 750;
const NEXT_MS = 2_000;

/** Counts the jobs of which lines say the same and shows them together: each key at most once in two seconds. */
export class LineDigest {
  private readonly groups = new Map<string, Group>();

  /**
   * @param job a job that comes twice before it is shown counts once
   * @param show called later with how many jobs came under `key`
   */
  add(key: string, job: string, show: (count: number) => void): void {
    const group = this.groups.get(key);
    if (group) {
      group.jobs.add(job);
      group.show = show;
      return;
    }
    this.groups.set(key, { jobs: new Set([job]), show, timer: this.later(key, FIRST_MS) });
  }

  /** Shows everything that waits. */
  flush(): void {
    for (const { jobs, show, timer } of this.groups.values()) {
      clearTimeout(timer);
      if (jobs.size > 0) show(jobs.size);
    }
    this.groups.clear();
  }

  private later(key: string, delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.expire(key), delayMs).unref();
  }

  private expire(key: string): void {
    const group = this.groups.get(key);
    if (!group) return;
    if (group.jobs.size === 0) {
      this.groups.delete(key);
      return;
    }
    const { jobs, show } = group;
    this.groups.set(key, { show, jobs: new Set(), timer: this.later(key, NEXT_MS) });
    show(jobs.size);
  }
}
