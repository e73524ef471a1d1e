import type { UnderstudyConfig } from '#libs/config';
import type { JobRun } from './job-run.js';

/** How long after it was enqueued an answer is of use to a job, in milliseconds. */
export const deadlineMsOf = ({ job }: Pick<JobRun, 'job'>, { jobs }: UnderstudyConfig): number =>
  job.deadlineMs ?? jobs.deadlineMs;

/**
 * Until the deadline, in milliseconds; never more than the whole of it, should somebody have stamped the job by a clock that is ahead.
 * @param now time of Redis, epoch milliseconds
 */
export const leftMsOf = (run: Pick<JobRun, 'job' | 'context'>, now: number, config: UnderstudyConfig): number =>
  Math.min(run.context.enqueuedAt - now, 0) + deadlineMsOf(run, config);
