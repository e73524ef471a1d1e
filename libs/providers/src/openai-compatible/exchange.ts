import { type Dispatcher, request } from 'undici';
import { AnswerError } from '../answer-error.js';
import type { CallLimits } from '../call-limits.js';
import { type CallScope, openCallScope } from '../call-scope.js';
import { classifyError } from '../classification/classify-error.js';
import { failedCall } from '../failed-call.js';
import type { FailedCall, GoodCall } from '../provider-adapter.js';
import { parseJson, readBodyStart } from '../read-body.js';

/** Of an error no more is read, and no longer. */
const MAX_ERROR_BYTES = 64 * 1024;
const ERROR_BODY_MS = 2_000;

/** One HTTP request to a provider. */
export interface ExchangeOptions {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string | undefined;
  dispatcher: Dispatcher;
  limits: CallLimits;
  signal: AbortSignal | undefined;
  /** Values that must not appear in messages. */
  secrets: readonly string[];
}

/** An answer that was read and found good. */
export interface ReadAnswer<T> {
  answer: T;
  servedModel: string | undefined;
  usage: GoodCall<T>['usage'];
  /** When its last part came, on the clock of `performance.now()`; now, where it is left out. */
  endedAt?: number;
}

/**
 * Sends a request and has its answer read under the call's timers. Never rejects: what `read` throws, what the socket does and
 * what the provider reports all come back as a failed call.
 */
export async function exchange<T>(
  options: ExchangeOptions,
  read: (response: Dispatcher.ResponseData, scope: CallScope) => Promise<ReadAnswer<T>>,
): Promise<GoodCall<T> | FailedCall> {
  const { method, url, headers, body = null, dispatcher, limits, signal, secrets } = options;
  const startedAt = performance.now();
  const scope = openCallScope(limits, signal);
  let httpStatus: number | undefined;
  try {
    const response = await request(url, { method, headers, body, dispatcher, signal: scope.signal });
    httpStatus = response.statusCode;
    if (httpStatus >= 300) throw await reportedError(response, scope);
    const { endedAt = performance.now(), ...good } = await read(response, scope);
    const { firstTokenMs, saidChars } = scope;
    return { ok: true, httpStatus, latencyMs: endedAt - startedAt, firstTokenMs, saidChars, ...good };
  } catch (error) {
    return failedCall(error, { scope, latencyMs: performance.now() - startedAt, httpStatus, secrets });
  } finally {
    scope.close();
  }
}

/** What a refusal means. Redirects are refusals too: following one would carry the key to wherever it points. */
async function reportedError({ statusCode, headers, body }: Dispatcher.ResponseData, scope: CallScope): Promise<Error> {
  const text = await readBodyStart(body, MAX_ERROR_BYTES, ERROR_BODY_MS);
  // Of our own reasons, a timer has nothing to add to what the status says; whoever left is not interested in it.
  const { abortedBy } = scope;
  if (abortedBy && abortedBy.deadline === undefined) return abortedBy;
  const answer = { status: statusCode, headers, body: parseJson(text) ?? text };
  const reported = classifyError(answer, Date.now());
  if (!reported) return new AnswerError('bad_response', `the provider answered ${statusCode}`);
  return new AnswerError(reported.failure, reported.message, reported);
}
