import { type Attempt, faultsOfRequest } from '#libs/contracts';
import type { FailedCall } from '#libs/providers';
import { type Again, consequenceOf, type FailureClass } from '#libs/health-core';
import type { ServedAnswer } from './served-answer.js';

/** A fault that a provider found with the request. */
export interface Rejection {
  target: string;
  failure: FailureClass;
  message: string;
  httpStatus: number | undefined;
}

/** A target that may be asked a second time in this pass. */
export type SecondCall = Omit<Again, 'view'> & { target: string };

/** What one pass over the targets has met so far. */
export class PassLog {
  readonly tried = new Set<string>();
  readonly failedProviders = new Set<string>();
  /** Targets that had no place for the job, and until when, epoch milliseconds. */
  readonly limited = new Map<string, number>();
  /** Targets that a limit kept from it, as they were counted. */
  readonly heldBack = new Set<string>();
  /** The last attempt that did not do. */
  failed: { target: string; failure: FailureClass; httpStatus: number | undefined } | undefined;
  /** The first fault that was found with the request, where the job went on all the same. */
  rejection: Rejection | undefined;
  /** The first answer that was a refusal; better than none. */
  refused: { target: string; answer: ServedAnswer } | undefined;
  /** Whether some failure of this pass may pass. */
  isTransient = false;
  triedOtherFamily = false;
  /** The target that failed last, while it may be asked once more. */
  again: SecondCall | undefined;

  /** @param earlier attempts of earlier passes: the faults that they found with the request stand */
  constructor(earlier: readonly Attempt[]) {
    for (const { attempt, failure } of faultsOfRequest(earlier)) {
      const { target, message = '', httpStatus } = attempt;
      this.#addRejection({ target, failure, message, httpStatus });
    }
  }

  /**
   * @param now epoch milliseconds
   * @param draw random number in [0, 1)
   */
  addFailure(target: string, provider: string, failed: FailedCall, now: number, draw: number): void {
    const { failure, message, httpStatus } = failed;
    const { health, transient, failover } = consequenceOf(failure);
    this.again = this.mayRepeat(target) ? secondCall(target, failed, now, draw) : undefined;
    this.tried.add(target);
    this.failed = { target, failure, httpStatus };
    this.isTransient ||= transient;
    // A provider that only limits the rate of one model, or finds fault with the request, is not in trouble.
    if (health === 'failure' || health === 'disable') this.failedProviders.add(provider);
    if (!failover) this.#addRejection({ target, failure, message, httpStatus });
  }

  addRefusal(target: string, answer: ServedAnswer, httpStatus: number): void {
    this.tried.add(target);
    this.failed = { target, failure: 'content_filter', httpStatus };
    this.refused ??= { target, answer };
  }

  /** Whether a failure of this target may be followed by another call to it: twice in one pass is the most. */
  mayRepeat(target: string): boolean {
    return !this.tried.has(target);
  }

  #addRejection(rejection: Rejection): void {
    this.tried.add(rejection.target);
    if (rejection.failure === 'unsupported_param') this.triedOtherFamily = true;
    this.rejection ??= rejection;
  }
}

/** The second call that this failure allows, if it does. */
function secondCall(target: string, failed: FailedCall, now: number, draw: number): SecondCall | undefined {
  const { sameTarget } = consequenceOf(failed.failure);
  if (!sameTarget || (sameTarget.when === 'unanswered' && !failed.unanswered)) return undefined;
  const [shortest, longest] = sameTarget.afterMs;
  return { target, when: sameTarget.when, at: now + shortest + draw * (longest - shortest) };
}
