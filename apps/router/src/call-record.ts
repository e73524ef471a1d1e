import type { Attempt } from '#libs/contracts';
import { type JobProgress, withoutMiddle } from '#libs/queue';
import type { AttemptListener } from './attempt.service.js';

type Call = NonNullable<JobProgress['inFlight']>;

/**
 * Writes down what is tried for a job while it is tried, so that the next run knows of it should this process vanish. Nobody waits
 * for the writing; it is sent before the call that it tells of.
 */
export class CallRecord implements AttemptListener {
  #progress: JobProgress;
  #unsaid: NodeJS.Immediate | undefined;

  /** @param write keeps progress with the job */
  constructor(
    progress: JobProgress,
    private readonly write: (progress: JobProgress) => Promise<unknown>,
  ) {
    this.#progress = progress;
  }

  /** What is known of the job by now. */
  get progress(): JobProgress {
    return this.#progress;
  }

  starting({ number, target, startedAt }: Call): void {
    const { parked: _, ...rest } = this.#progress;
    this.#progress = { ...rest, inFlight: { number, target, startedAt } };
    this.#send();
  }

  ended(attempt: Attempt): void {
    const { inFlight: _, ...rest } = this.#progress;
    this.#progress = { ...rest, attempts: [...rest.attempts, attempt] };
    if (attempt.outcome === 'success') return;
    // Mostly the next call follows at once, and tells of this one too.
    this.#unsaid ??= setImmediate(() => this.#send());
  }

  /** Writes down where the job stands at the end of this run, or where it is to go on. */
  async keep(changes: Partial<JobProgress> = {}): Promise<void> {
    this.close();
    this.#progress = { ...this.#progress, ...changes };
    await this.write(this.#bounded());
  }

  /** Nothing is written any more: the job has its result. */
  close(): void {
    clearImmediate(this.#unsaid);
    this.#unsaid = undefined;
  }

  #send(): void {
    this.close();
    // While Redis is away the record comes late or never; the job itself does not depend on it.
    void this.write(this.#bounded()).catch(() => undefined);
  }

  #bounded(): JobProgress {
    return { ...this.#progress, attempts: withoutMiddle(this.#progress.attempts) };
  }
}
