import {
  checkRequestSize,
  type CompletionJob,
  completionJobSchema,
  completionRequestSchema,
  embeddingsJobSchema,
  embeddingsRequestSchema,
  type JobPayload,
  parseOrThrow,
  UnderstudyError,
  withoutInput,
} from '#libs/contracts';
import { z } from 'zod';
import type { EmbeddingsOptions, EnqueueOptions, JobRequest } from './completion-options.js';

/** Used when the client is not told another limit. */
export const DEFAULT_MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** Jobs that are added in one call, which Redis works off in one go: this many are some hundred milliseconds. */
const MAX_JOBS_AT_ONCE = 10_000;

/** All requests of one call together, in bytes of JSON, unless a single one may be larger. */
const MAX_BYTES_AT_ONCE = 64 * 1024 * 1024;

/** A job, and the bytes of its request's JSON. */
export interface CheckedJob {
  job: JobPayload;
  bytes: number;
}

/** What the client itself writes into the envelope. */
export type OwnFields = Pick<CompletionJob, 'replyTo' | 'streaming'>;

/** An envelope without its request, which is checked by itself, and without what callers do not say. */
const envelopeSchema = completionJobSchema.omit({ request: true, replyTo: true });
const embeddingsEnvelopeSchema = embeddingsJobSchema.omit({ request: true, replyTo: true });

/** One of many: what is in it is checked as that of a single job is. */
const entrySchema = z.looseObject({
  request: z.custom((request) => request !== undefined, { error: 'is missing; expected { request, …options }' }),
});

/**
 * Makes a job of what a caller hands in.
 * @throws UnderstudyError `invalid_request` that names the field, or `payload_too_large` with both sizes
 */
export function checkJob(
  request: unknown,
  options: EnqueueOptions | EmbeddingsOptions,
  own: OwnFields,
  maxRequestBytes: number,
): CheckedJob {
  const job =
    options.operation === 'embeddings' ? embeddingsJob(request, options, own) : completionJob(request, options, own);
  return { job, bytes: checkRequestSize(job.request, maxRequestBytes) };
}

function completionJob(request: unknown, options: EnqueueOptions, own: OwnFields): CompletionJob {
  // By itself, so that a field is named as the caller knows it: messages[0].role, not request.messages[0].role.
  const body = parseOrThrow(completionRequestSchema, request, 'request');
  if (body.stream) {
    throw new UnderstudyError(
      'invalid_request',
      'The request is not valid: stream: leave it out here; client.stream() reads an answer while it is made',
      {
        field: 'stream',
      },
    );
  }
  return { request: body, ...parseOrThrow(envelopeSchema, options, 'job'), ...own };
}

/** Nothing of it is streamed. */
function embeddingsJob(request: unknown, options: EmbeddingsOptions, { replyTo }: OwnFields): JobPayload {
  const body = parseOrThrow(embeddingsRequestSchema, request, 'request', withoutInput(request));
  const envelope = parseOrThrow(embeddingsEnvelopeSchema, options, 'job');
  return { request: body, ...envelope, ...(replyTo !== undefined && { replyTo }) };
}

/**
 * Makes jobs of a list, all before the first one is enqueued.
 * @throws UnderstudyError what `checkJob` throws, with the place in the list: `[3].messages[0].role`
 */
export function checkJobs(requests: readonly JobRequest[], maxRequestBytes: number): JobPayload[] {
  const list = parseOrThrow(z.array(z.unknown()).max(MAX_JOBS_AT_ONCE), shallow(requests), 'list of jobs');
  let total = 0;
  const jobs = list.map((_, i) =>
    at(i, () => {
      // How much is in its request is looked at with the request.
      const { request: _, ...options } = parseOrThrow(entrySchema, withoutContent(requests[i]), 'job');
      const { request } = requests[i] as JobRequest;
      const { job, bytes } = checkJob(request, options, {}, maxRequestBytes);
      total += bytes;
      return job;
    }),
  );
  const limit = Math.max(MAX_BYTES_AT_ONCE, maxRequestBytes);
  if (total > limit)
    throw new UnderstudyError(
      'payload_too_large',
      `The ${jobs.length} requests are ${total} bytes of JSON together; at most ${limit} are accepted in one call`,
    );
  return jobs;
}

/**
 * Names the place in a list in what goes wrong there.
 * @throws UnderstudyError with `[index].` before its field
 */
function at<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw atPlace(index, error);
  }
}

/** The same error, with `[index].` before its field. */
export function atPlace(index: number, error: unknown): unknown {
  if (!(error instanceof UnderstudyError)) return error;
  const { code, message, field, retryable, jobId } = error;
  const place = `[${index}]`;
  return new UnderstudyError(code, `${place}: ${message}`, {
    field: field ? `${place}.${field}` : place,
    retryable,
    jobId,
  });
}

/** The list with nothing in it: how much each entry holds is looked at entry by entry. */
const shallow = (list: unknown) => (Array.isArray(list) ? list.map(() => null) : list);

function withoutContent(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null || !('request' in entry)) return entry;
  return { ...entry, request: entry.request === undefined ? undefined : null };
}
