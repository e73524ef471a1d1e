import {
  type CompletionJob,
  completionJobSchema,
  completionRequestSchema,
  parseOrThrow,
  UnderstudyError,
} from '#libs/contracts';
import type { EnqueueOptions } from './completion-options.js';

/** Used when the client is not told another limit. */
export const DEFAULT_MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/**
 * Makes a job of what a caller hands in.
 * @throws UnderstudyError `invalid_request` that names the field, or `payload_too_large` with both sizes
 */
export function checkJob(
  request: unknown,
  { deadlineMs, routing, tenant }: EnqueueOptions,
  replyTo: string | undefined,
  maxRequestBytes: number,
): CompletionJob {
  // By itself, so that a field is named as the caller knows it: messages[0].role, not request.messages[0].role.
  const body = parseOrThrow(completionRequestSchema, request, 'request');
  if (body.stream) {
    throw new UnderstudyError(
      'invalid_request',
      'The request is not valid: stream: an answer comes whole; leave it out or set it to false',
      {
        field: 'stream',
      },
    );
  }
  const job = parseOrThrow(completionJobSchema, { request: body, routing, deadlineMs, tenant, replyTo }, 'job');
  const bytes = Buffer.byteLength(toJson(job));
  if (bytes > maxRequestBytes) {
    throw new UnderstudyError(
      'payload_too_large',
      `The job is ${bytes} bytes of JSON; at most ${maxRequestBytes} are accepted (jobs.maxRequestBytes)`,
    );
  }
  return job;
}

function toJson(job: CompletionJob): string {
  try {
    return JSON.stringify(job);
  } catch (error) {
    throw new UnderstudyError('invalid_request', `The request cannot be written as JSON: ${(error as Error).message}`);
  }
}
