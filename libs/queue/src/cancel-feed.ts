import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import type { QueueLocation } from './queue-access.js';

/** How often the list of cancelled jobs is read without having heard of any: what a lost message costs at most. */
const SWEEP_INTERVAL_MS = 500;

/** Read in one round trip. */
const SWEEP_BATCH = 1_000;

/** How long a job that was cancelled is remembered here, for a run of it that begins in the same moment, in milliseconds. */
const REMEMBERED_MS = 60_000;

/**
 * Hears which jobs are cancelled. Pub/sub forgets, so the list in Redis is read too: after every (re)connect, and at an interval.
 * That a job was cancelled once does not mean that it is: its result decides.
 */
export class CancelFeed {
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #subscriber: Redis;
  readonly #reader: Redis;
  readonly #heard = new Map<string, number>();
  #sweep: NodeJS.Timeout | undefined;
  /** Time of the last entry that was read, by the clock of Redis. */
  #since = '-inf';

  constructor(private readonly options: QueueLocation) {
    const { redisUrl: url, prefix, connection } = options;
    this.#keys = redisKeys(prefix);
    this.#reader = connection ?? connectRedis({ url, name: 'cancelled', patience: 'fail-fast' });
    this.#subscriber = connectRedis({ url, name: this.#keys.cancel, patience: 'patient' });
  }

  /** @param onCancelled is called once for each job that is cancelled */
  start(onCancelled: (jobId: string) => void): void {
    const tell = (jobId: string) => {
      if (this.#heard.has(jobId)) return;
      this.#heard.set(jobId, performance.now());
      onCancelled(jobId);
    };
    const read = () => void this.#read(tell);
    this.#subscriber.on('message', (_channel: string, jobId: string) => tell(jobId));
    const subscribe = () => void this.#subscriber.subscribe(this.#keys.cancel).then(read, () => undefined);
    this.#subscriber.on('ready', subscribe);
    if (this.#subscriber.status === 'ready') subscribe();
    this.#sweep = setInterval(read, SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  /** Whether the job was cancelled a short time ago. */
  has(jobId: string): boolean {
    return this.#heard.has(jobId);
  }

  /** Lets go of the connections. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    await Promise.all([closeRedis(this.#subscriber), this.options.connection ? undefined : closeRedis(this.#reader)]);
  }

  /** Reading fails while Redis is away; the next sweep reads again. */
  async #read(tell: (jobId: string) => void): Promise<void> {
    this.#forget();
    let entries: string[];
    do {
      entries = await this.#reader
        .zrangebyscore(this.#keys.cancelled, this.#since, '+inf', 'WITHSCORES', 'LIMIT', 0, SWEEP_BATCH)
        .catch(() => []);
      for (let i = 0; i < entries.length; i += 2) tell(entries[i] as string);
      // From the last entry on again: others may have been cancelled in the same millisecond.
      this.#since = entries.at(-1) ?? this.#since;
    } while (entries.length === 2 * SWEEP_BATCH);
  }

  #forget(): void {
    const oldest = performance.now() - REMEMBERED_MS;
    for (const [jobId, heardAt] of this.#heard) {
      if (heardAt > oldest) return;
      this.#heard.delete(jobId);
    }
  }
}
