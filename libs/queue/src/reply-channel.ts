import { randomUUID } from 'node:crypto';
import { type JobOutcome, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import type { QueueLocation } from './queue-access.js';
import { ReplyWaiters } from './reply-waiters.js';
import { ResultStore } from './result-store.js';

/** How often the results of waiting jobs are read without having heard of them: what a lost message costs at most. */
const SWEEP_INTERVAL_MS = 1_000;

/** Results read in one round trip. */
const SWEEP_BATCH = 200;

/**
 * Where one process hears that its jobs are done. Pub/sub forgets, so a message is only a hint to read the result
 * early: results are also read when waiting begins, after every (re)connect, and at an interval.
 */
export class ReplyChannel {
  /** Name of the channel, for `replyTo` of a job. */
  readonly address: string;
  readonly #subscriber: Redis;
  readonly #results: ResultStore;
  readonly #waiters = new ReplyWaiters();
  readonly #sweep: NodeJS.Timeout;

  constructor(location: QueueLocation) {
    const { redisUrl: url, prefix } = location;
    this.address = redisKeys(prefix).reply(randomUUID());
    this.#results = new ResultStore({ ...location, ttlMs: 0, patience: 'fail-fast' });
    this.#subscriber = connectRedis({ url, name: this.address, patience: 'patient' });
    this.#subscriber.on('message', (_channel: string, jobId: string) => void this.#read([jobId]));
    this.#subscriber.on('ready', () => {
      // What was published while the connection was down is found by reading once the subscription stands again.
      this.#subscriber.subscribe(this.address).then(
        () => this.#readAll(),
        () => undefined,
      );
    });
    this.#sweep = setInterval(() => this.#readAll(), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  /**
   * Waits for a job's outcome.
   * @returns null when there is none after `timeoutMs`
   * @throws the signal's reason when `signal` is aborted
   */
  async waitFor(
    jobId: string,
    options: { timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<JobOutcome | null> {
    const outcome = this.#waiters.wait(jobId, options);
    void this.#read([jobId]);
    return outcome;
  }

  /** Ends every wait with null and lets go of the connections. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#waiters.endAll();
    await Promise.all([closeRedis(this.#subscriber), this.#results.close()]);
  }

  #readAll(): void {
    const jobIds = this.#waiters.jobIds();
    for (let i = 0; i < jobIds.length; i += SWEEP_BATCH) void this.#read(jobIds.slice(i, i + SWEEP_BATCH));
  }

  /** Reading fails while Redis is away; the next sweep reads again. */
  async #read(jobIds: string[]): Promise<void> {
    const awaited = jobIds.filter((id) => this.#waiters.has(id));
    const outcomes = await this.#results.getMany(awaited).catch(() => []);
    for (const [i, outcome] of outcomes.entries()) if (outcome) this.#waiters.settle(awaited[i] as string, outcome);
  }
}
