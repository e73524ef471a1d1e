import { z } from 'zod';
import { attemptSchema, type Attempt } from './attempt.js';

/** Stable error codes. A code is never renamed or reused; what each means to a caller is in docs/errors.md. */
export const ERROR_CODES = [
  'invalid_request',
  'unknown_model',
  'unknown_target',
  'payload_too_large',
  'request_rejected',
  'all_targets_failed',
  'no_target_available',
  'deadline_exceeded',
  'result_timeout',
  'job_not_found',
  'cancelled',
  'idempotency_conflict',
  'queue_full',
  'stream_interrupted',
  'queue_unavailable',
  'client_closed',
  'internal_error',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** An error as it travels through Redis and over HTTP. */
export const serializedErrorSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  /** Whether the same job may succeed if it is sent again. */
  retryable: z.boolean(),
  /** The field of the request that is wrong, as a path: `messages[0].role`. */
  field: z.string().optional(),
  jobId: z.string().optional(),
  attempts: z.array(attemptSchema).default([]),
  /** Earliest time at which a target is expected back, epoch milliseconds. */
  nextAvailableAt: z.number().optional(),
  /** HTTP status of the provider that rejected the request, where one did. */
  providerStatus: z.int().optional(),
});

export type SerializedError = z.infer<typeof serializedErrorSchema>;

interface ErrorDetails {
  retryable?: boolean;
  field?: string | undefined;
  jobId?: string | undefined;
  attempts?: Attempt[];
  nextAvailableAt?: number | undefined;
  providerStatus?: number | undefined;
  cause?: unknown;
}

/** Every error that Understudy throws or stores on purpose. Branch on `code`, show `message`. */
export class UnderstudyError extends Error {
  override readonly name = 'UnderstudyError';
  readonly retryable: boolean;
  readonly field: string | undefined;
  readonly jobId: string | undefined;
  readonly attempts: Attempt[];
  readonly nextAvailableAt: number | undefined;
  readonly providerStatus: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.retryable = details.retryable ?? false;
    this.field = details.field;
    this.jobId = details.jobId;
    this.attempts = details.attempts ?? [];
    this.nextAvailableAt = details.nextAvailableAt;
    this.providerStatus = details.providerStatus;
  }

  /** The form that crosses a process; the cause and the stack stay here. */
  toJSON(): SerializedError {
    const { code, message, retryable, field, jobId, attempts, nextAvailableAt, providerStatus } = this;
    return { code, message, retryable, field, jobId, attempts, nextAvailableAt, providerStatus };
  }

  /** Rebuilds the error on the other side. */
  static fromJSON(error: SerializedError): UnderstudyError {
    return new UnderstudyError(error.code, error.message, error);
  }
}
