import { parseOrThrow, UnderstudyError } from '#libs/contracts';
import { parseRedisUrl } from '#libs/redis';
import { z } from 'zod';
import type {
  CompleteOptions,
  CompletionClientOptions,
  EmbeddingsOptions,
  EmbedOptions,
  ResultOptions,
} from './completion-options.js';
import type { StreamOptions } from './stream-events.js';

const milliseconds = z.int({ error: 'must be a whole number of milliseconds' });

/** Tells the forms that are understood, and nothing of the URL itself: there may be a password in it. */
function isRedisUrl(url: string, context: z.RefinementCtx): void {
  try {
    parseRedisUrl(url);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
}

const clientOptions: z.ZodType<CompletionClientOptions> = z.strictObject({
  redisUrl: z.string().superRefine(isRedisUrl).optional(),
  prefix: z
    .string()
    .regex(/^\{[^{}]+\}$/, { error: 'must be one hash tag, such as {understudy}' })
    .optional(),
  maxRequestBytes: z.int().positive().optional(),
  maxWaiting: z.union([z.int().positive(), z.literal(Infinity)]).optional(),
  defaultDeadlineMs: milliseconds.positive().optional(),
  resultTtlMs: milliseconds.positive().optional(),
});

const signal = z.instanceof(AbortSignal, { error: 'must be an AbortSignal' }).optional();

const waiting = z.object({
  timeoutMs: milliseconds.positive({ error: 'must be above 0' }).optional(),
  signal,
  cancelOnAbort: z.boolean().optional(),
});

const streaming = z.object({
  timeoutMs: z.union([milliseconds.positive(), z.literal(Infinity)]).optional(),
  signal,
  keep: z.boolean().optional(),
  streaming: z.boolean().optional(),
});

const resultOptions = z.strictObject({ waitMs: milliseconds.nonnegative().optional(), signal });

/** @throws UnderstudyError `invalid_request` with the name of the option */
export function checkClientOptions(options: CompletionClientOptions): CompletionClientOptions {
  return parseOrThrow(clientOptions, options, 'configuration of the client');
}

/**
 * Takes apart what concerns the waiting and what concerns the job; the latter is checked with the job.
 * @throws UnderstudyError `invalid_request` with the name of the option
 */
export function checkCompleteOptions<T extends CompleteOptions | (EmbedOptions & EmbeddingsOptions)>(options: T) {
  const { timeoutMs, signal: end, cancelOnAbort } = parseOrThrow(waiting, options, 'options');
  const { timeoutMs: _timeout, signal: _signal, cancelOnAbort: _cancel, ...job } = options;
  return { timeoutMs, signal: end, cancelOnAbort, job };
}

/**
 * The same for a stream, which may also have no end in time.
 * @throws UnderstudyError `invalid_request` with the name of the option
 */
export function checkStreamOptions(options: StreamOptions) {
  const checked = parseOrThrow(streaming, options, 'options');
  const { timeoutMs: _timeout, signal: _signal, keep: _keep, streaming: _streaming, ...job } = options;
  return { ...checked, job };
}

/** @throws UnderstudyError `invalid_request` with the name of the option */
export function checkResultOptions(jobId: unknown, options: ResultOptions) {
  if (typeof jobId !== 'string' || jobId === '')
    throw new UnderstudyError('invalid_request', 'jobId: must be the id that enqueue returned', { field: 'jobId' });
  return parseOrThrow(resultOptions, options, 'options');
}
