import type { FailureClass } from '#libs/health-core';
import type { ErrorSignal } from './error-signal.js';

interface ClassificationRule {
  failure: FailureClass;
  when: (signal: ErrorSignal) => boolean;
}

const named = (signal: ErrorSignal, ...names: string[]) => signal.names.some((name) => names.includes(name));
const status = (signal: ErrorSignal, ...codes: number[]) => codes.includes(signal.status);
const says = (signal: ErrorSignal, wording: RegExp) => wording.test(signal.message);
const isServerSide = (signal: ErrorSignal) => signal.status >= 500;

/** Money words. "Exceeded your current quota" is none: Gemini says it for limits per minute too. */
const OUT_OF_MONEY =
  /credit balance|spend(ing)? (limit|cap)|insufficient balance|prepa(y|id)[a-z]* credits|credits are depleted|requires billing/i;
const MODEL_IS_GONE =
  /model.{0,80}(not found|does not exist|not exist|no longer available|deprecated|retired|decommissioned|end[- ]of[- ]life)|no endpoints found/i;
const BAD_KEY = /api key not valid|api_key_invalid|api key expired|(invalid|incorrect) api key|security token/i;
const WRONG_REGION =
  /location is not supported|unsupported (country|countries|region)|not available in your (country|region)/i;
const TOO_LONG =
  /context[ _](length|window)|maximum context|prompt is too long|too many (input )?tokens|exceeds? the (maximum )?(number of )?tokens/i;
const FILTERED = /content[ _](filter|policy|management)|responsible ?ai|flagged|moderation/i;

/**
 * From the most trustworthy signal to the least: codes and types, then wording, then the status. The first rule that
 * matches decides, so the order is part of the meaning: money before rate, moderation before "403 is about the key".
 */
const CLASSIFICATION_RULES: readonly ClassificationRule[] = [
  // --- an error that says what it is ---
  { failure: 'overloaded', when: (s) => isServerSide(s) && named(s, 'overloaded_error', 'server_is_overloaded') },
  { failure: 'overloaded', when: (s) => status(s, 503, 529) },
  { failure: 'timeout', when: (s) => status(s, 504, 522, 524) },
  { failure: 'server_error', when: isServerSide },

  // --- money ---
  {
    failure: 'rate_limited',
    when: (s) => status(s, 402) && (s.announcesRetry || s.limitSource === 'openrouter_in_flight_budget'),
  },
  { failure: 'quota', when: (s) => status(s, 402) },
  {
    failure: 'quota',
    when: (s) =>
      named(
        s,
        'insufficient_quota',
        'credit_balance_exhausted',
        'organization_spend_limit_exceeded',
        'project_spend_limit_exceeded',
        'organization_usage_limit_exceeded',
        'billing_hard_limit_reached',
        'enforced_spend_limit_reached',
        'contract_spend_limit_reached',
      ),
  },
  { failure: 'quota', when: (s) => says(s, OUT_OF_MONEY) || /^openrouter_(credits|key_limit)$/.test(s.limitSource) },

  // --- pace ---
  { failure: 'rate_limited', when: (s) => status(s, 429) },
  {
    failure: 'rate_limited',
    when: (s) =>
      named(
        s,
        'rate_limit_exceeded',
        'rate_limit_error',
        'slow_down',
        'ramp_limit_exceeded',
        'throttlingexception',
        'modelnotreadyexception',
        'servicequotaexceededexception',
      ),
  },

  // --- the key, the account, the model ---
  {
    failure: 'auth',
    when: (s) => status(s, 401) || named(s, 'authentication_error', 'unauthenticated', 'invalid_api_key'),
  },
  { failure: 'auth', when: (s) => says(s, BAD_KEY) },
  { failure: 'region', when: (s) => named(s, 'unsupported_country_region_territory') || says(s, WRONG_REGION) },
  {
    failure: 'model_gone',
    when: (s) => named(s, 'model_not_found', 'deploymentnotfound', 'model_decommissioned', 'servicemodeldeprecating'),
  },
  { failure: 'model_gone', when: (s) => status(s, 400, 403, 404, 410) && says(s, MODEL_IS_GONE) },

  // --- the request ---
  { failure: 'context_length', when: (s) => named(s, 'context_length_exceeded') || says(s, TOO_LONG) },
  {
    failure: 'content_filter',
    when: (s) => named(s, 'content_filter', 'content_policy_violation') || /responsibleai/i.test(s.innerCode),
  },
  { failure: 'content_filter', when: (s) => status(s, 400, 403) && says(s, FILTERED) },
  { failure: 'auth', when: (s) => status(s, 403) },
  { failure: 'unsupported_param', when: (s) => named(s, 'unsupported_parameter', 'unsupported_value') },
  { failure: 'timeout', when: (s) => status(s, 408, 499) },
  { failure: 'too_large', when: (s) => status(s, 413) },
  { failure: 'server_error', when: (s) => status(s, 409, 424, 425) },
  { failure: 'model_gone', when: (s) => status(s, 404, 405, 410) },
  { failure: 'bad_request', when: (s) => s.fromProvider },
  // A 4xx without a provider's error in it comes from something in between: the caller is not to blame.
  { failure: 'bad_response', when: () => true },
];

/** The class of a reported error. */
export function classifySignal(signal: ErrorSignal): FailureClass {
  return CLASSIFICATION_RULES.find((rule) => rule.when(signal))?.failure ?? 'bad_response';
}
