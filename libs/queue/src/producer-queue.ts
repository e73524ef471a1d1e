import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { type DefaultJobOptions, type JobsOptions, Queue, type Telemetry } from 'bullmq';
import { addInTransaction, type FramedJobs, type NewJob } from './add-in-transaction.js';
import { type QueueLocation, withRedis } from './queue-access.js';

/** Nobody reads BullMQ's event stream here, so it is kept short. */
const EVENTS_KEPT = 100;

export interface ProducerQueueOptions extends QueueLocation {
  telemetry?: Telemetry | undefined;
  jobDefaults: DefaultJobOptions;
  /** Lua scripts for `addTogether`, by name. */
  scripts?: Readonly<Record<string, string>>;
}

/**
 * The adding side of one queue. Every call is rejected with `queue_unavailable` within a second while Redis is away,
 * and works again as soon as it is back.
 */
export class ProducerQueue {
  readonly redis: Redis;
  #queue: Promise<Queue> | undefined;

  constructor(
    readonly name: string,
    private readonly options: ProducerQueueOptions,
  ) {
    this.redis =
      options.connection ?? connectRedis({ url: options.redisUrl, name: `queue:${name}`, patience: 'fail-fast' });
    for (const [script, lua] of Object.entries(options.scripts ?? {})) this.redis.defineCommand(script, { lua });
  }

  /** Adds one job and returns its id; an id that is in the queue already is not added a second time. */
  add(data: unknown, jobOptions: JobsOptions): Promise<string> {
    return this.run(async (queue) => (await queue.add(this.name, data, jobOptions)).id as string);
  }

  /** Adds jobs in one transaction and one round trip: all of them or none. Ids that are in the queue already are left as they are. */
  addTogether(jobs: readonly NewJob[], frame?: FramedJobs): Promise<unknown> {
    return this.run((queue) => addInTransaction(queue, jobs, frame));
  }

  /** Does something with the BullMQ queue. */
  run<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
    return withRedis(this.options.redisUrl, this.redis, async () => work(await this.#open()));
  }

  /** Name of a key of a job in this queue. */
  jobKey(jobId: string): string {
    return redisKeys(this.options.prefix).bull(this.name, jobId);
  }

  /** Lets go of the connection, unless it was lent. */
  async close(): Promise<void> {
    const queue = await this.#queue?.catch(() => undefined);
    await queue?.close().catch(() => undefined);
    if (!this.options.connection) await closeRedis(this.redis);
  }

  /** A BullMQ queue whose first contact with Redis failed stays broken: forget it, and make another next time. */
  #open(): Promise<Queue> {
    this.#queue ??= this.#create().catch((error: unknown) => {
      this.#queue = undefined;
      throw error;
    });
    return this.#queue;
  }

  async #create(): Promise<Queue> {
    const queue = new Queue(this.name, {
      connection: this.redis,
      prefix: this.options.prefix,
      ...(this.options.telemetry && { telemetry: this.options.telemetry }),
      defaultJobOptions: this.options.jobDefaults,
      streams: { events: { maxLen: EVENTS_KEPT } },
    });
    // Failures reach the caller through the rejected call.
    queue.on('error', () => undefined);
    await queue.waitUntilReady();
    return queue;
  }
}
