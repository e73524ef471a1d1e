import { hostname } from 'node:os';
import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis, whenReady } from '#libs/redis';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { type Job, type Telemetry, WaitingError, type WorkerOptions } from 'bullmq';
import { lastValueFrom } from 'rxjs';
import { BullContext } from './bull-context.js';
import { gateErrors } from './error-gate.js';
import { JobWorker } from './job-worker.js';
import { mendAfter, mendJob } from './mend-job.js';
import { RejectedJobError } from './rejected-job-error.js';
import { isVerdict } from './verdict.js';
import { SHUTDOWN, type StopPatience, SupervisedWorker } from './supervised-worker.js';
import { takeoverTimes } from './takeover.js';

/** Second argument of the decorator: `@MessagePattern(QUEUES.completion, BULLMQ_TRANSPORT, { concurrency: 50 })`. */
export const BULLMQ_TRANSPORT = Symbol('BULLMQ_TRANSPORT');

/** Third argument of the decorator. */
export type BullExtras = Partial<Omit<WorkerOptions, 'connection' | 'prefix' | 'telemetry' | 'autorun'>> & {
  /** The handler wants to hear of jobs that the queue gives up (`BullContext.givenUp`). Default: they fail without it. */
  hasLastWord?: boolean;
};

export interface BullServerOptions {
  redisUrl: string;
  /** Hash tag under which this installation's keys lie: `{understudy}`. */
  prefix: string;
  telemetry?: Telemetry | undefined;
  /** Hears of outages of Redis (once each) and of what went wrong around jobs; a handler's errors are its own business. */
  onError: (error: Error) => void;
  /** Settings of every worker in this process that are known only at run time; a decorator's own win. */
  worker?: BullExtras;
  /** A job of a process that was killed is taken over by another after so many milliseconds at the latest. Default: 13,000. */
  takeoverMs?: number;
  /** How `close` treats jobs in hand. Default: 5 s to finish, then 1.5 s to hand back. */
  patience?: StopPatience;
}

/** When nothing is configured, in milliseconds. */
const TAKEOVER_MS = 13_000;

const WORKER_DEFAULTS = {
  // A job outlives many killed processes; the limit is for one that kills every process it meets.
  maxStalledCount: 20,
  runRetryDelay: 1_000,
  // For jobs that were not added by our queues and say nothing themselves.
  removeOnComplete: { count: 1_000 },
  removeOnFail: { count: 1_000 },
} satisfies BullExtras;

/**
 * Nest's way to BullMQ: one worker per message pattern, which is the queue's name. Starts whether or not Redis is
 * there. What a handler returns is not kept: results have a store of their own.
 */
export class BullServer extends Server implements CustomTransportStrategy {
  override readonly transportId = BULLMQ_TRANSPORT;
  readonly #redis: Redis;
  readonly #workers: SupervisedWorker[] = [];
  readonly #onError: (error: unknown) => void;

  constructor(private readonly options: BullServerOptions) {
    super();
    const { redisUrl: url, onError } = options;
    this.#redis = connectRedis({ url, name: 'worker', patience: 'patient', onError });
    this.#onError = gateErrors(onError);
  }

  listen(callback: () => void): void {
    for (const [queue, handler] of this.messageHandlers) {
      const worker = new SupervisedWorker(() => this.#createWorker(queue, handler), this.#onError);
      this.#workers.push(worker);
      void worker.run();
    }
    callback();
  }

  /**
   * Waits until jobs can be taken.
   * @throws Error when Redis is not there after `timeoutMs`
   */
  whenReady(timeoutMs = 2 ** 31 - 1): Promise<void> {
    return whenReady(this.#redis, timeoutMs);
  }

  /** Takes no new jobs, lets those in hand finish or hands them back, and lets go of Redis, within the patience given. */
  async close(): Promise<void> {
    const { patience = { drainMs: 5_000, handBackMs: 1_500 } } = this.options;
    await Promise.all(this.#workers.map((worker) => worker.stop(patience)));
    await closeRedis(this.#redis);
  }

  /** Nest's door to the broker's own events: not offered. */
  on(): never {
    throw new Error('BullServer has no events; pass onError to its constructor');
  }

  /** The connection that the workers share. */
  unwrap<T>(): T {
    return this.#redis as T;
  }

  #createWorker(queue: string, handler: MessageHandler): JobWorker {
    const { prefix, telemetry, takeoverMs = TAKEOVER_MS } = this.options;
    // BullMQ gives a signal only to a function that declares three parameters.
    const work = async (job: Job, token: string | undefined, signal: AbortSignal | undefined) => {
      const key = redisKeys(prefix).bull(queue, job.id as string);
      if (worker.isDoubtful(job)) await mendJob(this.#redis, key);
      const run = { redis: this.#redis, key, givenUp: worker.givenUp(job) };
      return this.#work(handler, new BullContext([job, token as string, signal as AbortSignal, run]));
    };
    const worker: JobWorker = new JobWorker(queue, work, {
      name: `${hostname()}:${process.pid}`,
      ...WORKER_DEFAULTS,
      ...takeoverTimes(takeoverMs),
      ...this.options.worker,
      ...workerOptionsOf(handler),
      connection: this.#redis,
      prefix,
      autorun: false,
      ...(telemetry && { telemetry }),
    });
    worker.onRefused = (error) => mendAfter(error, this.#redis, (name) => worker.toKey(name)).catch(this.#onError);
    worker.on('error', this.#onError);
    worker.on('stalled', (jobId) => void mendJob(this.#redis, worker.toKey(jobId)).catch(this.#onError));
    return worker;
  }

  async #work(handler: MessageHandler, context: BullContext): Promise<void> {
    try {
      await this.#handle(handler, context);
    } catch (error) {
      if (error instanceof WaitingError) await this.#wakeWorker(context);
      throw error;
    }
  }

  /** BullMQ puts a job that has a priority back without a word: a worker that sleeps would find it seconds later. */
  async #wakeWorker(context: BullContext): Promise<void> {
    await this.#redis.zadd(`${this.options.prefix}:${context.getPattern()}:marker`, 0, '0');
  }

  async #handle(handler: MessageHandler, context: BullContext): Promise<void> {
    const { givenUp } = context;
    if (givenUp !== undefined && !(handler.extras as BullExtras | undefined)?.hasLastWord)
      throw new RejectedJobError(givenUp);
    try {
      const answer = await handler(context.job.data, context);
      await lastValueFrom(this.transformToObservable(answer), { defaultValue: undefined });
    } catch (error) {
      // Whatever a handler makes of being told to stop: the job is not to blame.
      if (context.signal.reason === SHUTDOWN && !isVerdict(error)) await context.handBack();
      throw error instanceof Error ? error : new Error(String(error));
    }
  }
}

function workerOptionsOf({ extras }: MessageHandler): BullExtras {
  const { hasLastWord: _, ...options } = (extras ?? {}) as BullExtras;
  return options;
}
