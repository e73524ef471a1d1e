import { setTimeout as delay } from 'node:timers/promises';
import type { JobWorker } from './job-worker.js';

/** Reason of a handler's AbortSignal when this process stops before the job is done. */
export const SHUTDOWN = 'shutdown';

/** Pause before a worker that broke down is replaced, in milliseconds. */
const RESTART_PAUSE_MS = 1_000;

/** How a worker may stop: both parts together are the longest that `stop` takes, plus half a second. */
export interface StopPatience {
  /** How long jobs in hand may go on, in milliseconds. */
  drainMs: number;
  /** How long their handlers have, once told to stop, to hand them back, in milliseconds. */
  handBackMs: number;
}

/** Keeps one worker running, and replaces it should its loop ever end by itself. */
export class SupervisedWorker {
  #worker: JobWorker | undefined;
  #stopping = false;

  constructor(
    private readonly create: () => JobWorker,
    private readonly onError: (error: unknown) => void,
  ) {}

  async run(): Promise<void> {
    while (!this.#stopping) {
      const worker = this.create();
      this.#worker = worker;
      try {
        await worker.waitUntilReady();
        // Runs until it is closed.
        await worker.run();
      } catch (error) {
        if (!this.#stopping) this.onError(error);
      }
      if (this.#stopping) return;
      await worker.close(true).catch(this.onError);
      await delay(RESTART_PAUSE_MS);
    }
  }

  /** Takes no new jobs, waits for those in hand, then tells their handlers to stop. Never throws and never hangs. */
  async stop({ drainMs, handBackMs }: StopPatience): Promise<void> {
    this.#stopping = true;
    const worker = this.#worker;
    if (!worker) return;
    const closed = worker.close().then(
      () => true,
      () => true,
    );
    if (await Promise.race([closed, delay(drainMs, false, { ref: false })])) return;
    worker.cancelAllJobs(SHUTDOWN);
    if (await Promise.race([closed, delay(handBackMs, false, { ref: false })])) return;
    // Redis is away or a handler hangs. The lock ends by itself, and the job is taken over by another process.
    await Promise.race([worker.disconnect().catch(() => undefined), delay(500)]);
  }
}
