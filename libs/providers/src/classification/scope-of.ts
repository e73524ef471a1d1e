import type { FailureClass, FailureScope } from '#libs/health-core';
import type { ErrorSignal } from './error-signal.js';
import { namesKey } from './named-failures.js';
import { failureWorded } from './worded-failures.js';

/**
 * Whom a reported error concerns, as far as the provider told: all that share the key, or the target alone.
 * @returns undefined where it makes no difference, or cannot be told
 */
export function scopeOf(failure: FailureClass, signal: ErrorSignal): FailureScope | undefined {
  if (failure === 'auth') return isAboutKey(signal) ? 'key' : 'target';
  return failure === 'rate_limited' && isAboutAccount(signal) ? 'key' : undefined;
}

/** AWS answers a bad key with 403, and names it; any other 403, and what AWS calls denied, speaks of what the key may not do. */
function isAboutKey(signal: ErrorSignal): boolean {
  if (namesKey(signal.names)) return true;
  if (signal.names.includes('accessdeniedexception')) return false;
  return signal.status !== 403 || failureWorded(signal) === 'auth';
}

/** Most limits hold per model. Only Gemini names one that does not, and relays the budget that calls under way have taken up. */
function isAboutAccount({ limitSource, exhaustedQuotas }: ErrorSignal): boolean {
  if (limitSource === 'openrouter_in_flight_budget') return true;
  return exhaustedQuotas.some(({ id, model }) => model === '' && /PerProject/.test(id) && !/PerModel/.test(id));
}
