import { setTimeout as delay } from 'node:timers/promises';
import { type Job, type JobJson, Worker } from 'bullmq';

/** Pause after Redis refused to give out a job (out of memory, read-only, …), in milliseconds. */
const REFUSED_PAUSE_MS = 1_000;

/** BullMQ's worker, made safe against what can stand in Redis. */
export class JobWorker extends Worker {
  readonly #givenUp = new WeakMap<Job, string>();
  readonly #doubtful = new WeakSet<Job>();
  /** Is told at once when Redis answers with an error instead of a job, before the worker pauses for it. Must not reject. */
  onRefused: (error: Error) => Promise<void> = () => Promise.resolve();

  /** Why the queue gives a job up instead of having it worked on, if it does. */
  givenUp(job: Job): string | undefined {
    return this.#givenUp.get(job);
  }

  /** Whether a job has a count of failed runs that BullMQ may not be able to go on with: nearly none has one at all. */
  isDoubtful(job: Job): boolean {
    return this.#doubtful.has(job);
  }

  /**
   * Data that is not JSON is handed on as the text it is, for the handler to refuse like any other wrong payload. BullMQ
   * itself throws here: the job stays active until its lock ends, comes back, throws again, and is never failed.
   *
   * A job that has outlived too many processes is handed on too, for the handler to have the last word. BullMQ would fail it without
   * one, and whoever waits would not hear of it.
   */
  protected override createJob({ deferredFailure, ...json }: JobJson, jobId: string): Job {
    const job = super.createJob(isJson(json.data) ? json : { ...json, data: JSON.stringify(json.data) }, jobId);
    if (deferredFailure) this.#givenUp.set(job, deferredFailure);
    if (job.attemptsMade !== 0) this.#doubtful.add(job);
    if (!(job.attemptsMade < 1e15)) job.attemptsMade = 0;
    return job;
  }

  /** BullMQ asks again at once when Redis answers with an error: thousands of times per second. */
  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    try {
      return await super.moveToActive(token, name);
    } catch (error) {
      if (!this.closing && (error as Error).name === 'ReplyError')
        await Promise.all([this.onRefused(error as Error), delay(REFUSED_PAUSE_MS)]);
      throw error;
    }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text || '{}');
    return true;
  } catch {
    return false;
  }
}
