import type { FailureClass } from '#libs/health-core';
import type { ErrorSignal } from './error-signal.js';

interface WordingRule {
  failure: FailureClass;
  /** Statuses with which the words mean this; elsewhere they mean something else ("too many tokens" of a 429 is pace). */
  statuses: readonly number[];
  wording: RegExp;
}

/** The first that matches decides. "Exceeded your current quota" is not among them: Gemini says it for limits per minute too. */
const WORDINGS: readonly WordingRule[] = [
  {
    failure: 'quota',
    statuses: [400, 402, 403, 429],
    wording:
      /credit balance|spend(ing)? (limit|cap)|api usage limits|insufficient balance|prepa(y|id)[a-z]* credits|credits are depleted|(requires|enable) billing|billing (is |account )?(not|has been disabled)/i,
  },
  {
    failure: 'auth',
    statuses: [400, 401, 403],
    wording: /api key not valid|api_key_invalid|api key expired|(invalid|incorrect) api key|security token/i,
  },
  {
    failure: 'region',
    statuses: [400, 403],
    wording: /location is not supported|unsupported (country|countries|region)|not available in your (country|region)/i,
  },
  {
    failure: 'model_gone',
    statuses: [400, 403, 404, 410],
    wording:
      /model.{0,80}(not found|does not exist|not exist|no longer available|deprecated|retired|decommissioned|end[- ]of[- ]life)|no endpoints found|no allowed providers/i,
  },
  {
    failure: 'context_length',
    statuses: [400, 413, 422],
    wording:
      /context[ _](length|window)|maximum context|prompt is too long|too many (input )?tokens|exceeds? the (maximum )?(number of )?tokens|longer than the model/i,
  },
  {
    failure: 'content_filter',
    statuses: [400, 403, 422],
    wording: /content[ _](filter|policy|management)|responsible ?ai|flagged|moderation/i,
  },
  // The capacity of everyone, not the account's own pace.
  {
    failure: 'overloaded',
    statuses: [429],
    wording: /(experiencing|under|due to) (very |unusually )?(high|heavy) (demand|load)|overloaded/i,
  },
  {
    failure: 'unsupported_param',
    statuses: [400, 422],
    wording: /unsupported (parameter|value)|invalid service_tier/i,
  },
];

/** The class that the message of an error stands for. Pages of HTML are no messages, and a 5xx means itself. */
export function failureWorded({ message, status, isStatusKnown }: ErrorSignal): FailureClass | undefined {
  if (message.trimStart().startsWith('<')) return undefined;
  return WORDINGS.find(
    ({ statuses, wording }) => (!isStatusKnown || statuses.includes(status)) && wording.test(message),
  )?.failure;
}
