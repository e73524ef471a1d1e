import { type JobOutcome, type JobResult, UnderstudyError } from '#libs/contracts';

/** How long a result is kept for a reader that does not take it, in milliseconds: one that keeps up takes it at once. */
const KEPT_MS = 1_000;

/**
 * The outcome of a job of which somebody reads the stream. A reader may stand still for long before it comes to the result, which may
 * be megabytes: it is let go soon, and read again when its time has come.
 */
export class AwaitedOutcome {
  readonly #known = new AbortController();
  #state: 'open' | 'completed' | 'failed' | 'overdue' = 'open';
  #outcome: JobOutcome | undefined;
  #letGo: NodeJS.Timeout | undefined;

  /** @param outcome null when there is none in time; not held, since it would hold the result */
  constructor(outcome: Promise<JobOutcome | null>) {
    outcome.then(
      (settled) => this.#settle(settled),
      // Whoever waited has left.
      () => undefined,
    );
  }

  /** Fires when there is an outcome, or will be none in time. */
  get known(): AbortSignal {
    return this.#known.signal;
  }

  get isCompleted(): boolean {
    return this.#state === 'completed';
  }

  /** There was none in time. */
  get isOverdue(): boolean {
    return this.#state === 'overdue';
  }

  /** @throws UnderstudyError the job's own error, if it has failed */
  throwIfFailed(): void {
    if (this.#outcome?.status === 'failed') throw UnderstudyError.fromJSON(this.#outcome.error);
  }

  /** The result was found by other means. */
  found(result: JobResult): void {
    if (this.#state === 'open') this.#settle({ status: 'completed', result });
  }

  /** The result; undefined when it was let go. Not kept any longer. */
  take(): JobResult | undefined {
    const outcome = this.#outcome;
    this.forget();
    return outcome?.status === 'completed' ? outcome.result : undefined;
  }

  forget(): void {
    clearTimeout(this.#letGo);
    if (this.#outcome?.status === 'completed') this.#outcome = undefined;
  }

  #settle(outcome: JobOutcome | null): void {
    if (this.#state !== 'open') return;
    this.#state = outcome?.status ?? 'overdue';
    this.#outcome = outcome ?? undefined;
    this.#letGo = setTimeout(() => this.forget(), KEPT_MS);
    this.#letGo.unref();
    this.#known.abort();
  }
}
