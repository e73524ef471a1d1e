import type { CompletionClient } from '#libs/client';
import { UnderstudyError, type CompletionRequest } from '#libs/contracts';

/** What became of one job. */
export interface JobReport {
  /** `failed`: the caller got a typed error. `lost`: no answer, no error, and nothing to fetch afterwards. */
  outcome: 'answered' | 'failed' | 'lost';
  /** From enqueueing to the answer, as the caller sees it, in milliseconds. */
  latencyMs: number;
  /** Target that answered. */
  target: string | undefined;
  /** Calls made to providers; 0 when that is not known. */
  attempts: number;
  /** Whether more than one target was called for it. */
  failedOver: boolean;
  /** Code of the error of a failed or lost job. */
  errorCode: string | undefined;
}

/** How long a result is looked for after the caller's own wait has ended. */
const LAST_LOOK_MS = 15_000;

/** Sends one job, waits for its answer, and looks for the result once more before calling it lost. Never throws. */
export async function sendJob(
  client: CompletionClient,
  request: CompletionRequest,
  timeoutMs: number,
): Promise<JobReport> {
  const startedAt = performance.now();
  const report = (outcome: JobReport['outcome'], answer: Partial<JobReport>): JobReport => {
    const latencyMs = performance.now() - startedAt;
    return { outcome, latencyMs, target: undefined, attempts: 0, failedOver: false, errorCode: undefined, ...answer };
  };
  try {
    const { understudy } = await client
      .complete(request, { timeoutMs, deadlineMs: timeoutMs + LAST_LOOK_MS })
      .catch(lookAgain(client));
    const { target, attempts } = understudy;
    return report('answered', {
      target,
      attempts: attempts.length,
      failedOver: new Set(attempts.map((a) => a.target)).size > 1,
    });
  } catch (error) {
    if (!(error instanceof UnderstudyError)) throw error;
    const isLost = error.code === 'result_timeout' || error.code === 'job_not_found';
    return report(isLost ? 'lost' : 'failed', { attempts: error.attempts.length, errorCode: error.code });
  }
}

/** After a wait that ended without an answer: the job itself goes on, its result can be fetched by id. */
function lookAgain(client: CompletionClient) {
  return async (error: unknown) => {
    if (!(error instanceof UnderstudyError) || error.code !== 'result_timeout' || error.jobId === undefined)
      throw error;
    const late = await client.result(error.jobId, { waitMs: LAST_LOOK_MS });
    if (late === null) throw error;
    return late;
  };
}
