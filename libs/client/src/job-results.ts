import { type JobOutcome, type JobResult, UnderstudyError } from '#libs/contracts';
import type { CompletionQueue, JobActivity, ResultStore } from '#libs/queue/producer';

/** What has become of jobs. */
export class JobResults {
  constructor(
    private readonly results: ResultStore,
    private readonly queue: CompletionQueue,
  ) {}

  /**
   * The result of a job; null while it is not finished.
   * @throws UnderstudyError the job's own error; `job_not_found`; `internal_error` when it was given up; `queue_unavailable`
   */
  async look(jobId: string): Promise<JobResult | null> {
    const outcome = await this.results.get(jobId);
    if (outcome) return resultOf(outcome);
    const standing = await this.queue.standing(jobId);
    if (standing === 'pending') return null;
    // It may have been finished between the two looks.
    const late = await this.results.get(jobId);
    if (late) return resultOf(late);
    if (standing === 'missing')
      throw new UnderstudyError('job_not_found', `There is no job ${jobId}, and no result of it`, { jobId });
    throw new UnderstudyError('internal_error', `Job ${jobId} was given up: ${standing.failedReason}`, { jobId });
  }

  /**
   * Where a job stands.
   * @throws UnderstudyError `job_not_found`, `queue_unavailable`
   */
  async state(jobId: string): Promise<JobState> {
    // Twice: it may have been finished, or have gone from one place to another, between two looks.
    for (let looks = 0; looks < 2; looks++) {
      const outcome = await this.results.get(jobId);
      if (outcome) return stateOf(outcome);
      const activity = await this.queue.activity(jobId);
      if (activity) return activity;
    }
    if ((await this.queue.standing(jobId)) !== 'missing') return 'failed';
    throw new UnderstudyError('job_not_found', `There is no job ${jobId}, and no result of it`, { jobId });
  }
}

/** `parked`: waits until a target can be asked. */
export type JobState = JobActivity | 'completed' | 'failed' | 'cancelled';

function stateOf(outcome: JobOutcome): JobState {
  if (outcome.status === 'completed') return 'completed';
  return outcome.error.code === 'cancelled' ? 'cancelled' : 'failed';
}

/**
 * The answer of a job that has one.
 * @throws UnderstudyError the job's own error
 */
export function resultOf(outcome: JobOutcome | null): JobResult | null {
  if (outcome?.status === 'failed') throw UnderstudyError.fromJSON(outcome.error);
  return outcome?.result ?? null;
}

/** Ahead of the end of waiting, so that whoever waits hears why the job had no answer. */
export const deadlineWithin = (timeoutMs: number) => Math.ceil(timeoutMs - Math.min(1_000, timeoutMs / 10));

/**
 * Nobody has answered for as long as the caller wanted to wait.
 * @param hint what may be the cause, where something is known
 */
export function resultTimeout(
  jobId: string,
  timeoutMs: number,
  { deadlineMs = Infinity, hint = '' } = {},
): UnderstudyError {
  const fate =
    deadlineMs > timeoutMs ? `job ${jobId} may still be answered` : `the deadline of job ${jobId} has passed too`;
  const message = `No answer within ${timeoutMs} ms; ${fate}${hint && `. ${hint}`}`;
  return new UnderstudyError('result_timeout', message, { jobId, retryable: true });
}
