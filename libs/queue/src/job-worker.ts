import { setTimeout as delay } from 'node:timers/promises';
import { type Job, type JobJson, Worker } from 'bullmq';

/** Pause after Redis refused to give out a job (out of memory, read-only, …), in milliseconds. */
const REFUSED_PAUSE_MS = 1_000;

/** BullMQ's worker, made safe against what can stand in Redis. */
export class JobWorker extends Worker {
  /**
   * Data that is not JSON is handed on as the text it is, for the handler to refuse like any other wrong payload. BullMQ
   * itself throws here: the job stays active until its lock ends, comes back, throws again, and is never failed.
   */
  protected override createJob(json: JobJson, jobId: string): Job {
    return super.createJob(isJson(json.data) ? json : { ...json, data: JSON.stringify(json.data) }, jobId);
  }

  /** BullMQ asks again at once when Redis answers with an error: thousands of times per second. */
  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    try {
      return await super.moveToActive(token, name);
    } catch (error) {
      if (!this.closing && (error as Error).name === 'ReplyError') await delay(REFUSED_PAUSE_MS);
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
