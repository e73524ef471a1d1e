import type { FailureClass, FailureScope } from '#libs/health-core';
import { retryAfterMs } from '../retry-after.js';
import { exhaustedLimitMs } from '../exhausted-limit.js';
import { classifySignal } from './classification-rules.js';
import { scopeOf } from './scope-of.js';
import { readErrorSignal, type ProviderAnswer } from './error-signal.js';

/** What a reported error means. */
export interface ClassifiedError {
  failure: FailureClass;
  /** The provider's words, as they are: to be cut and cleaned before they are kept. */
  message: string;
  /** How long the provider asked us to stay away, in milliseconds; bounded, never NaN. */
  retryAfterMs: number | undefined;
  /** Whom it concerns, where the provider told. */
  scope: FailureScope | undefined;
}

/**
 * Class, words and wait of an answer that reports an error, whichever provider sent it.
 * @param now epoch milliseconds, for waits that are written as dates
 * @returns undefined when nothing in the answer reports an error
 */
export function classifyError(answer: ProviderAnswer, now: number): ClassifiedError | undefined {
  const signal = readErrorSignal(answer);
  if (!signal) return undefined;
  const failure = classifySignal(signal);
  // The limits come with every answer; only a refusal for pace is about them.
  const waitMs =
    retryAfterMs(answer.headers, now, answer.body) ??
    (failure === 'rate_limited' ? exhaustedLimitMs(answer.headers, now) : undefined);
  const message = signal.message || `the provider answered ${answer.status}`;
  return { failure, message, retryAfterMs: waitMs, scope: scopeOf(failure, signal) };
}
