import { PRIORITIES, type QueueName, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { QueueKeys } from 'bullmq';
import { JOB_PRIORITY } from './job-priority.js';
import { AGE_JOBS } from './lua/age-jobs.js';
import type { QueueLocation } from './queue-access.js';

/** Jobs at the front that are looked at: every fifth of them may be an aged one after that. */
const LOOKED_AT = 1_000;

/** What one look at the queue has come to. */
export interface Aging {
  /** Jobs that go ahead of more urgent ones from now on. */
  moved: number;
  /** Jobs that wait; -1 when another process has looked just now. */
  waiting: number;
}

/** Keeps jobs from waiting for ever while more urgent ones come. Commands wait while Redis is away. */
export class JobAging {
  readonly #redis: Redis;
  readonly #keys: readonly [aging: string, prioritized: string];
  readonly #jobKeyPrefix: string;

  constructor(
    queue: QueueName,
    private readonly options: QueueLocation,
  ) {
    const { redisUrl: url, prefix } = options;
    this.#redis = options.connection ?? connectRedis({ url, name: 'aging', patience: 'patient' });
    this.#keys = [redisKeys(prefix).aging, new QueueKeys(prefix).getKeys(queue)['prioritized'] as string];
    this.#jobKeyPrefix = `${prefix}:${queue}:`;
  }

  /**
   * Moves jobs that have waited for longer than `agingMs` forward, of all processes that ask within `paceMs` for the first. Of five
   * jobs that wait in front no more than one is an aged one.
   */
  async look(agingMs: number, paceMs: number): Promise<Aging> {
    const classes = PRIORITIES.map((priority) => JOB_PRIORITY[priority]);
    const answer = await this.#redis.eval(
      AGE_JOBS,
      this.#keys.length,
      ...this.#keys,
      paceMs,
      agingMs,
      LOOKED_AT,
      this.#jobKeyPrefix,
      ...classes,
    );
    const [moved, waiting] = answer as [number, number];
    return { moved, waiting };
  }

  /** Lets go of the connection, unless it was lent. */
  async close(): Promise<void> {
    if (!this.options.connection) await closeRedis(this.#redis);
  }
}
