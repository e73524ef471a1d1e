import type { JobOutcome } from '#libs/contracts';

type Settle = (outcome: JobOutcome | null) => void;

/** Who in this process waits for which job. Several may wait for the same one. */
export class ReplyWaiters {
  readonly #waiting = new Map<string, Set<Settle>>();

  /**
   * Waits until `settle` is called for the job; null after `timeoutMs`.
   * @throws the signal's reason when `signal` is aborted
   */
  wait(
    jobId: string,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<JobOutcome | null> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const leave = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#remove(jobId, settle);
      };
      const settle: Settle = (outcome) => {
        leave();
        resolve(outcome);
      };
      const onAbort = () => {
        leave();
        reject(signal?.reason as Error);
      };
      // Node turns a longer delay into 1 ms.
      const timer = setTimeout(() => settle(null), Math.min(timeoutMs, 2 ** 31 - 1));
      signal?.addEventListener('abort', onAbort, { once: true });
      const others = this.#waiting.get(jobId);
      if (others) others.add(settle);
      else this.#waiting.set(jobId, new Set([settle]));
    });
  }

  has(jobId: string): boolean {
    return this.#waiting.has(jobId);
  }

  jobIds(): string[] {
    return [...this.#waiting.keys()];
  }

  settle(jobId: string, outcome: JobOutcome | null): void {
    for (const settle of this.#waiting.get(jobId) ?? []) settle(outcome);
  }

  /** Ends every wait with null. */
  endAll(): void {
    for (const jobId of this.jobIds()) this.settle(jobId, null);
  }

  #remove(jobId: string, settle: Settle): void {
    const waiting = this.#waiting.get(jobId);
    waiting?.delete(settle);
    if (waiting?.size === 0) this.#waiting.delete(jobId);
  }
}
