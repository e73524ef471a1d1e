import { type Attempt, countAttempts, type JobResult, UnderstudyError } from '#libs/contracts';
import { withoutMiddle } from '#libs/queue';
import type { RouteEnd } from './route-end.js';

/** When a job was enqueued, begun and finished, epoch milliseconds of Redis' clock. */
export interface JobTimes {
  enqueuedAt: number;
  firstStartedAt: number;
  finishedAt: number;
}

/** The result of an answered job: the provider's response verbatim, and who gave it. */
export function resultOf(
  jobId: string,
  requestedModel: string,
  end: Extract<RouteEnd, { kind: 'answered' }>,
  times: JobTimes,
): JobResult {
  const { body, servedModel, usage, cost, droppedSettings, mode } = end.answer;
  return {
    ...body,
    understudy: {
      jobId,
      target: end.target,
      attempts: withoutMiddle(end.attempts),
      // A producer that is not ours stamps jobs by a clock of its own.
      queueMs: wholeMs(times.firstStartedAt - times.enqueuedAt),
      totalMs: wholeMs(times.finishedAt - times.enqueuedAt),
      requestedModel,
      ...(servedModel !== undefined && { servedModel }),
      usage,
      cost,
      ...(droppedSettings.length > 0 && { droppedSettings: [...droppedSettings] }),
      ...(mode !== undefined && { mode }),
    },
  };
}

const wholeMs = (ms: number) => Math.max(0, Math.round(ms));

/** The job's model or parameters were refused by a provider, and would be everywhere. */
export function rejectedError(jobId: string, end: Extract<RouteEnd, { kind: 'rejected' }>): UnderstudyError {
  return new UnderstudyError(
    'request_rejected',
    `${end.target} rejected the request (${end.failure}): ${end.message}`,
    {
      jobId,
      attempts: end.attempts,
      providerStatus: end.httpStatus,
    },
  );
}

/** Every target failed in a way that waiting does not mend. */
export function exhaustedError(jobId: string, attempts: Attempt[]): UnderstudyError {
  return new UnderstudyError(
    'all_targets_failed',
    `All targets failed after ${count(attempts)}; ${lastFailure(attempts)}`,
    {
      jobId,
      attempts,
      retryable: true,
    },
  );
}

/** So many routers have vanished while they worked on the job that it may be what ends them. */
export function givenUpError(reason: string): UnderstudyError {
  const message = `The queue gives the job up, because router after router vanished while it worked on it (${reason})`;
  return new UnderstudyError('internal_error', message);
}

/**
 * The job's time is over, or too short for another try.
 * @param nextAvailableAt when somebody could be asked again, epoch milliseconds, where that is known
 */
export function deadlineError(
  jobId: string,
  attempts: Attempt[],
  deadlineMs: number,
  nextAvailableAt?: number,
): UnderstudyError {
  const untried = nextAvailableAt === undefined ? 'its turn came too late' : 'no target could be asked';
  const story =
    attempts.length === 0 ? `it was never tried, as ${untried}` : `${count(attempts)}, ${lastFailure(attempts)}`;
  return new UnderstudyError('deadline_exceeded', `The job had no answer within its ${deadlineMs} ms: ${story}`, {
    jobId,
    attempts,
    retryable: true,
    nextAvailableAt: nextAvailableAt && Math.ceil(nextAvailableAt),
  });
}

const count = (attempts: Attempt[]) => `${countAttempts(attempts)} attempt${countAttempts(attempts) === 1 ? '' : 's'}`;

function lastFailure(attempts: Attempt[]): string {
  const last = attempts.at(-1);
  return last ? `the last, ${last.target}, said ${last.outcome}: ${last.message ?? 'nothing'}` : 'none was made';
}
