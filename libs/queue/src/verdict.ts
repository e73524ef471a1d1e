import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';

/** Whether something that was thrown is how a handler says what is to become of the job, and no fault. */
export function isVerdict(error: unknown): boolean {
  return error instanceof DelayedError || error instanceof WaitingError || error instanceof UnrecoverableError;
}
