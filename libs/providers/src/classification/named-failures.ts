import type { FailureClass } from '#libs/health-core';

/** What AWS calls a key that it does not know, that has expired, or with which something was signed wrongly: with 403, never 401. */
const AWS_KEY_NAMES = [
  'unrecognizedclientexception',
  'invalidclienttokenid',
  'expiredtokenexception',
  'expiredtoken',
  'invalidsignatureexception',
  'signaturedoesnotmatch',
  'incompletesignature',
  'missingauthenticationtokenexception',
  'missingauthenticationtoken',
] as const;

/** Names of `auth` that speak of the key or its account, and not of what it may do. */
const KEY_NAMES: ReadonlySet<string> = new Set([
  ...AWS_KEY_NAMES,
  'authentication_error',
  'unauthenticated',
  'invalid_api_key',
  'api_key_invalid',
  'account_deactivated',
  'organization_on_hold',
]);

/**
 * Codes, types and exception names that say by themselves what happened, in lower case. Generic ones (`invalid_request_error`,
 * `rate_limit_error`, `permission_denied`) are not here: they say no more than their status (status-of-name.ts).
 */
const NAMES: Partial<Record<FailureClass, readonly string[]>> = {
  quota: [
    'insufficient_quota',
    'insufficient_user_quota',
    'credit_balance_exhausted',
    'organization_spend_limit_exceeded',
    'project_spend_limit_exceeded',
    'organization_usage_limit_exceeded',
    'billing_hard_limit_reached',
    'billing_not_active',
    'enforced_spend_limit_reached',
    'contract_spend_limit_reached',
    'billing_error',
  ],
  rate_limited: [
    'rate_limit_exceeded',
    'ratelimitreached',
    'slow_down',
    'ramp_limit_exceeded',
    'throttlingexception',
    'modelnotreadyexception',
    // Of Bedrock: a quota of requests, not of money.
    'servicequotaexceededexception',
  ],
  auth: [...KEY_NAMES, 'accessdeniedexception'],
  region: ['unsupported_country_region_territory'],
  model_gone: [
    'model_not_found',
    'unknown_model',
    'model_decommissioned',
    'deploymentnotfound',
    'servicemodeldeprecating',
    'servicemodeldeprecated',
    'resourcenotfoundexception',
  ],
  overloaded: [
    'overloaded_error',
    'server_is_overloaded',
    'engine_overloaded_error',
    'provider_overloaded',
    'serviceunavailableexception',
  ],
  server_error: [
    'insufficient_system_resource',
    'modelerrorexception',
    'modelstreamerrorexception',
    'internalserverexception',
  ],
  timeout: ['timeout_error', 'deadline_exceeded', 'modeltimeoutexception'],
  context_length: ['context_length_exceeded', 'model_context_window_exceeded'],
  content_filter: ['content_filter', 'content_policy_violation', 'responsibleaipolicyviolation'],
  unsupported_param: ['unsupported_parameter', 'unsupported_value'],
  too_large: ['request_too_large'],
};

const FAILURE_OF_NAME: ReadonlyMap<string, FailureClass> = new Map(
  Object.entries(NAMES).flatMap(([failure, names]) => names.map((name) => [name, failure as FailureClass] as const)),
);

/** The class that the first telling one of `names` stands for; the names are in lower case, most specific first. */
export function failureNamed(names: readonly string[]): FailureClass | undefined {
  for (const name of names) {
    const failure = FAILURE_OF_NAME.get(name);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** Whether what was refused is the key itself, whatever it was used for. */
export const namesKey = (names: readonly string[]): boolean => names.some((name) => KEY_NAMES.has(name));
