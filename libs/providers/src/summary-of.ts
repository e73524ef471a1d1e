import type { CallOutcome } from './provider-adapter.js';

/**
 * A failed call in a few words of our own, for logs, traces and health records. What the provider said may quote the prompt: it goes
 * into the job's attempts, for the eyes of the caller, and nowhere else.
 */
export const summaryOf = ({ failure, httpStatus }: Extract<CallOutcome, { ok: false }>): string =>
  httpStatus === undefined ? failure : `${failure} (HTTP ${httpStatus})`;
