import type { WaitingGroup } from './waiting-groups.js';

/** Between two lines while jobs are let go. */
const LOG_EVERY_MS = 1_000;

/** One line about all jobs that went on within a second, however many groups they were of. */
export class ReleaseLog {
  #jobs = 0;
  #since = 0;
  readonly #groups = new Map<string, WaitingGroup>();

  add(group: WaitingGroup, jobs: number, now: number): void {
    if (this.#jobs === 0) this.#since = now;
    this.#jobs += jobs;
    this.#groups.set(group.name, group);
  }

  /** What is to be logged now, if anything. `left`: jobs that these groups have left. */
  take(now: number): Record<string, unknown> | undefined {
    if (this.#jobs === 0 || now - this.#since < LOG_EVERY_MS) return undefined;
    const groups = [...this.#groups.values()];
    const [first, second] = groups;
    const fields = {
      event: 'llm.jobs.released',
      jobs: this.#jobs,
      groups: groups.length,
      // Of one group alone, which.
      ...(first && !second && { model: first.model, group: first.name }),
      left: groups.reduce((sum, { left }) => sum + left, 0),
    };
    this.#jobs = 0;
    this.#groups.clear();
    return fields;
  }
}
