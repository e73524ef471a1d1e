import { UnrecoverableError } from 'bullmq';

/** Thrown by a handler for a job that would fail the same way again: it goes to the failed set without another attempt. */
export class RejectedJobError extends UnrecoverableError {}
