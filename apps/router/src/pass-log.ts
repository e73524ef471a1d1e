import type { FailedCall } from '#libs/providers';
import { consequenceOf, type FailureClass } from '#libs/health-core';
import type { ServedAnswer } from './served-answer.js';

/** A fault that a provider found with the request. */
export interface Rejection {
  failure: FailureClass;
  message: string;
  httpStatus: number | undefined;
}

/** What one pass over the targets has met so far. */
export class PassLog {
  readonly tried = new Set<string>();
  readonly failedProviders = new Set<string>();
  /** The last attempt that did not do. */
  failed: { target: string; failure: FailureClass; httpStatus: number | undefined } | undefined;
  /** The first fault that was found with the request, where the job went on all the same. */
  rejection: Rejection | undefined;
  /** The first answer that was a refusal; better than none. */
  refused: { target: string; answer: ServedAnswer } | undefined;
  /** Whether some failure of this pass may pass. */
  isTransient = false;
  triedOtherFamily = false;

  addFailure(target: string, provider: string, { failure, message, httpStatus }: FailedCall): void {
    const { health, transient, failover } = consequenceOf(failure);
    this.tried.add(target);
    this.failed = { target, failure, httpStatus };
    this.isTransient ||= transient;
    if (failure === 'unsupported_param') this.triedOtherFamily = true;
    // A provider that only limits the rate of one model, or finds fault with the request, is not in trouble.
    if (health === 'failure' || health === 'disable') this.failedProviders.add(provider);
    if (!failover) this.rejection ??= { failure, message, httpStatus };
  }

  addRefusal(target: string, answer: ServedAnswer, httpStatus: number): void {
    this.tried.add(target);
    this.failed = { target, failure: 'content_filter', httpStatus };
    this.refused ??= { target, answer };
  }
}
