import { BaseRpcContext } from '@nestjs/microservices';
import { type Redis, redisScript } from '#libs/redis';
import { DelayedError, type Job, WaitingError } from 'bullmq';
import type { JobProgress } from './job-progress.js';
import { KEEP_PROGRESS } from './lua/keep-progress.js';

const keepProgress = redisScript(KEEP_PROGRESS);

/** A run of a job beyond what BullMQ tells of it. */
export interface BullRun {
  redis: Redis;
  /** Of the job's hash. */
  key: string;
  givenUp: string | undefined;
}

type Args = [job: Job, token: string, signal: AbortSignal, run: BullRun];

/** What a handler gets from `@Ctx()`: the job it works on, and what it may do with it besides ending it. */
export class BullContext extends BaseRpcContext<Args> {
  /** BullMQ's job, for what is not offered here. */
  get job(): Job {
    return this.args[0];
  }

  get jobId(): string {
    return this.job.id as string;
  }

  /** Name of the queue, which is the handler's pattern. */
  getPattern(): string {
    return this.job.queueName;
  }

  /** Fires when the work is to be stopped; the reason is `SHUTDOWN` when this process ends. */
  get signal(): AbortSignal {
    return this.args[2];
  }

  /** When the job was added, epoch milliseconds: of Redis' clock if our own client added it, else of whoever did. */
  get enqueuedAt(): number {
    // A job that somebody wrote into Redis by hand may lack it.
    return Number.isFinite(this.job.timestamp) ? this.job.timestamp : this.startedAt;
  }

  /** When this run began, epoch milliseconds of this process. */
  get startedAt(): number {
    return this.job.processedOn ?? Date.now();
  }

  /** How often work on this job has begun, this run included: parked runs and runs of killed processes count too. */
  get attemptsStarted(): number {
    return this.job.attemptsStarted;
  }

  /** Why the queue gives the job up, when it does: only a last word is asked for, and the handler has to reject the job. */
  get givenUp(): string | undefined {
    return this.args[3].givenUp;
  }

  /** Whether the job is given up if this run throws: it has thrown in all its others. */
  get isLastRun(): boolean {
    return this.job.attemptsMade + 1 >= (this.job.opts.attempts ?? 1);
  }

  /** Keeps something with the job, for a later run of it: replaces the payload that handler will get. */
  async updateJobData(data: unknown): Promise<void> {
    await this.job.updateData(data);
  }

  /**
   * Keeps progress with the job, for its next run. Sent at once and in the order of the calls, before anything that ends this run.
   * @returns false when a later run has begun, or the job is gone
   */
  async keepProgress(progress: JobProgress): Promise<boolean> {
    const { redis, key } = this.args[3];
    const kept = await keepProgress(redis, [key], [JSON.stringify(progress), this.attemptsStarted]);
    return kept === 1;
  }

  /** Ends this run of a job that a later run has taken over: leaves it alone. Never returns. */
  letGo(): never {
    throw new WaitingError();
  }

  /** Ends this run and lets the job wait until `epochMs`. Costs no attempt. Never returns: it throws what the worker expects. */
  async parkUntil(epochMs: number): Promise<never> {
    await this.job.moveToDelayed(Math.round(epochMs), this.args[1]);
    throw new DelayedError();
  }

  /** Ends this run and gives the job to whoever is free, at once. Costs no attempt. Never returns. */
  async handBack(): Promise<never> {
    await this.job.moveToWait(this.args[1]);
    throw new WaitingError();
  }
}
