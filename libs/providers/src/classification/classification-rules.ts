import type { FailureClass } from '#libs/health-core';
import type { ErrorSignal } from './error-signal.js';
import { failureNamed } from './named-failures.js';
import { failureWorded } from './worded-failures.js';

/** Budgets of a relay that are empty; `openrouter_in_flight_budget` is only busy. */
const EMPTY_BUDGET = /^openrouter_(credits|key_limit|workspace_budget|guardrail_budget)$/;

/**
 * The class of a reported error. The most trustworthy signal decides: what the provider names (details, code, type), then
 * its wording, then the status. Money comes before pace, and moderation before "403 is about the key".
 */
export function classifySignal(signal: ErrorSignal): FailureClass {
  return failureOfBudget(signal) ?? failureNamed(signal.names) ?? failureWorded(signal) ?? failureOfStatus(signal);
}

function failureOfBudget({ limitSource, budgetResets, isModerated, status }: ErrorSignal): FailureClass | undefined {
  if (limitSource === 'openrouter_in_flight_budget') return 'rate_limited';
  if (EMPTY_BUDGET.test(limitSource) || (budgetResets && (status === 402 || status === 403))) return 'quota';
  return isModerated && status < 500 ? 'content_filter' : undefined;
}

function failureOfStatus({ status, announcesRetry, fromProvider }: ErrorSignal): FailureClass {
  switch (status) {
    case 401:
    case 403:
      return 'auth';
    case 402:
      return announcesRetry ? 'rate_limited' : 'quota';
    case 404:
    case 405:
    case 410:
      return 'model_gone';
    case 408:
    case 499:
    case 504:
    case 522:
    case 524:
      return 'timeout';
    case 409:
    case 424:
    case 425:
      return 'server_error';
    case 413:
      return 'too_large';
    case 429:
      return 'rate_limited';
    case 503:
    case 529:
      return 'overloaded';
    default:
      if (status >= 500) return 'server_error';
      // Without a provider's error in it, it comes from something in between (a proxy, a redirect): the caller is not to blame.
      return fromProvider && status >= 400 ? 'bad_request' : 'bad_response';
  }
}
