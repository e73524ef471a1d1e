import { countAttempts, UnderstudyError, type ErrorCode } from '#libs/contracts';
import { answerHeaders } from './answer-headers.js';

/** The body that OpenAI SDKs expect of an answer that is not 2xx. */
interface OpenAiErrorBody {
  error: { message: string; type: string; param: string | null; code: string; job_id?: string };
}

/** An HTTP answer that tells of an error. */
export interface ErrorResponse {
  status: number;
  headers: Record<string, string>;
  body: OpenAiErrorBody;
}

/** Statuses with which a provider refuses a request for its content; any other is told as 400. */
const PROVIDER_REFUSALS = [400, 404, 413, 422];

/** Without better knowledge, how long to wait before the same request is sent again. */
const RETRY_AFTER_SECONDS = 5;

interface Shape {
  status: number;
  type: string;
  /** OpenAI's word for it, where it has one that SDKs look at. */
  code?: string;
}

const SHAPES: Record<ErrorCode, Shape> = {
  invalid_request: { status: 400, type: 'invalid_request_error' },
  unknown_target: { status: 400, type: 'invalid_request_error' },
  unknown_model: { status: 404, type: 'invalid_request_error', code: 'model_not_found' },
  job_not_found: { status: 404, type: 'invalid_request_error' },
  idempotency_conflict: { status: 409, type: 'invalid_request_error' },
  // The word of proxies for a caller who left; there is no better one for whose job was withdrawn.
  cancelled: { status: 499, type: 'invalid_request_error' },
  queue_full: { status: 503, type: 'server_error' },
  stream_interrupted: { status: 502, type: 'server_error' },
  payload_too_large: { status: 413, type: 'invalid_request_error' },
  request_rejected: { status: 400, type: 'invalid_request_error' },
  all_targets_failed: { status: 502, type: 'server_error' },
  no_target_available: { status: 503, type: 'server_error' },
  queue_unavailable: { status: 503, type: 'server_error' },
  client_closed: { status: 503, type: 'server_error' },
  deadline_exceeded: { status: 504, type: 'server_error' },
  result_timeout: { status: 504, type: 'server_error' },
  internal_error: { status: 500, type: 'server_error' },
};

/** How an error of the queue is told over HTTP. `nowMs` is epoch milliseconds. */
export function toErrorResponse(error: UnderstudyError, nowMs: number): ErrorResponse {
  const { status, type, code = error.code } = SHAPES[error.code];
  const { jobId, attempts, providerStatus } = error;
  const calls = attempts.length > 0 ? countAttempts(attempts) : undefined;
  const headers = answerHeaders({ jobId, attempts: calls });
  if (status === 503 || error.nextAvailableAt !== undefined)
    headers['retry-after'] = String(secondsUntil(error.nextAvailableAt, nowMs));
  // SDKs repeat what ended with 409 or 5xx by themselves. After a timeout that would pay for a second job beside the first.
  const sdkRepeats = status === 409 || status >= 500;
  if (status === 504 || (sdkRepeats && !error.retryable)) headers['x-should-retry'] = 'false';
  const refused =
    error.code === 'request_rejected' && providerStatus !== undefined && PROVIDER_REFUSALS.includes(providerStatus);
  return {
    status: refused ? providerStatus : status,
    headers,
    body: { error: { message: error.message, type, param: error.field || null, code } },
  };
}

/** What a caller is told of an error that nobody foresaw. */
export const UNFORESEEN = doorError(
  500,
  'internal_error',
  'Something went wrong in the gateway; its log has the details.',
);

/** How an error is told in a stream that has begun: OpenAI's SDKs throw it. */
export function toStreamError(error: unknown, jobId: string | undefined): OpenAiErrorBody {
  const { body } = error instanceof UnderstudyError ? toErrorResponse(error, Date.now()) : UNFORESEEN;
  return { error: { ...body.error, ...(jobId && { job_id: jobId }) } };
}

/** How the error of a job is told where the request about it went well: with the status that waiting for it would have brought. */
export function toJobError(error: UnderstudyError) {
  const { status, body } = toErrorResponse(error, Date.now());
  const { attempts, nextAvailableAt, retryable } = error;
  return { error: { ...body.error, status, retryable, next_available_at: nextAvailableAt, attempts } };
}

/** An error that arises at the door itself, before there is a job. */
export function doorError(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): ErrorResponse {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return { status, headers, body: { error: { message, type, param: null, code } } };
}

function secondsUntil(at: number | undefined, nowMs: number): number {
  return at === undefined ? RETRY_AFTER_SECONDS : Math.max(1, Math.ceil((at - nowMs) / 1000));
}
