import { BaseRpcContext } from '@nestjs/microservices';
import { DelayedError, type Job, WaitingError } from 'bullmq';

type Args = [job: Job, token: string, signal: AbortSignal];

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

  /** When the job was added, epoch milliseconds of the process that added it. */
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

  /** Whether the job is given up if this run throws: it has thrown in all its others. */
  get isLastRun(): boolean {
    return this.job.attemptsMade + 1 >= (this.job.opts.attempts ?? 1);
  }

  /** Keeps something with the job, for a later run of it: replaces the payload that handler will get. */
  async updateJobData(data: unknown): Promise<void> {
    await this.job.updateData(data);
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
