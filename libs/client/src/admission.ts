import { UnderstudyError } from '#libs/contracts';
import type { CompletionQueue, JobIdentity } from '#libs/queue/producer';

/** How old a count may be, in milliseconds: counting for every job would cost as much as adding it. */
const COUNT_AGE_MS = 500;

/**
 * Turns new jobs away when as many wait as the installation is to hold: a queue that grows without end only moves the failure to
 * where nobody sees it. The count is read at most each half second and is this process's own between two readings, so a fleet of
 * producers may overshoot by what the others add in that time.
 */
export class Admission {
  #count = Infinity;
  #countedAt = -Infinity;
  #counting: Promise<void> | undefined;

  constructor(
    private readonly queue: CompletionQueue,
    private readonly maxWaiting: number,
  ) {}

  /**
   * Lets jobs pass that are to be added. What is in the queue or answered already takes no room.
   * @throws UnderstudyError `queue_full`; `queue_unavailable`
   */
  async check(jobs: readonly JobIdentity[]): Promise<void> {
    if (this.maxWaiting === Infinity) return;
    if (performance.now() - this.#countedAt > COUNT_AGE_MS) {
      const counting = this.#recount();
      // Far from full, nobody waits for the count: an idle system answers without this round trip.
      if (this.#count > this.maxWaiting / 2) await counting;
      else counting.catch(() => undefined);
    }
    if (this.#count + jobs.length > this.maxWaiting) {
      const shared = jobs.filter(({ isShared }) => isShared).map(({ jobId }) => jobId);
      const known = shared.length > 0 ? await this.queue.countKnown(shared) : 0;
      if (known < jobs.length && this.#count + jobs.length - known > this.maxWaiting) throw this.#full();
    }
    this.#count += jobs.length;
  }

  /** Once for all who ask at the same time. */
  #recount(): Promise<void> {
    this.#counting ??= this.queue
      .countWaiting()
      .then((count) => {
        this.#count = count;
        this.#countedAt = performance.now();
      })
      .finally(() => (this.#counting = undefined));
    return this.#counting;
  }

  #full(): UnderstudyError {
    return new UnderstudyError(
      'queue_full',
      `${this.#count} jobs wait and at most ${this.maxWaiting} are let in (jobs.maxWaiting): send it again later`,
      { retryable: true },
    );
  }
}
