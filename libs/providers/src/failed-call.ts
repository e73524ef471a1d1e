import { AnswerError } from './answer-error.js';
import { AttemptAbort } from './attempt-abort.js';
import type { CallScope } from './call-scope.js';
import { failureAfterFirstToken } from './classification/after-first-token.js';
import { classifyThrown, isDropped } from './classification/classify-thrown.js';
import { excerpt } from './excerpt.js';
import type { FailedCall } from './provider-adapter.js';

/** What was known when the call failed. */
export interface FailedCallContext {
  scope: CallScope;
  latencyMs: number;
  httpStatus: number | undefined;
  /** Values that must not appear in the message. */
  secrets: readonly string[];
}

/** The outcome of a call that ended with `thrown`; what we aborted ourselves counts before what the abort made libraries throw. */
export function failedCall(thrown: unknown, { scope, latencyMs, httpStatus, secrets }: FailedCallContext): FailedCall {
  const error = thrown instanceof AnswerError ? thrown : (scope.abortedBy ?? thrown);
  const { firstTokenMs, saidChars } = scope;
  const failure = error instanceof AnswerError ? error.failure : classifyThrown(error);
  const more = error instanceof AnswerError ? error.more : {};
  const discardedChars = saidChars > 0 ? saidChars : more.discardedChars;
  const deadline = error instanceof AttemptAbort ? error.deadline : undefined;
  return {
    ok: false,
    failure: firstTokenMs === undefined ? failure : failureAfterFirstToken(failure),
    message: excerpt(describe(error), secrets),
    latencyMs,
    httpStatus,
    retryAfterMs: more.retryAfterMs,
    ...(more.scope && { scope: more.scope }),
    ...(httpStatus === undefined && isDropped(error) && { unanswered: true }),
    ...(deadline && { deadline }),
    ...(firstTokenMs !== undefined && { firstTokenMs }),
    ...(discardedChars && { discardedChars }),
  };
}

function describe(error: unknown): string {
  if (!(error instanceof AttemptAbort)) {
    const { message, code } = error as NodeJS.ErrnoException;
    return message || code || 'the connection failed';
  }
  // What is left of a job's own deadline is no whole number.
  const limitMs = Math.round(error.limitMs ?? 0);
  switch (error.kind) {
    case 'connect':
      return `no connection within ${limitMs} ms`;
    case 'first_token':
      return `no first token within ${limitMs} ms`;
    case 'idle':
      return `nothing more said for ${limitMs} ms`;
    case 'too_slow':
      return `fewer characters than the target's minimum over ${limitMs} ms`;
    case 'total':
      return `no whole answer within ${limitMs} ms`;
    case 'caller':
      return 'the caller ended the call';
    case 'shutdown':
      return 'this process is stopping';
  }
}
