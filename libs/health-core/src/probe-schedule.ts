import { isDisabling } from './breaker.js';
import type { HealthPolicy } from './policy.js';
import type { TargetView } from './target-view.js';

/**
 * How long after its last probe a target is due for the next, in milliseconds, before jitter. Probes come fast where there
 * is something to find out: to confirm a first failure, to see whether a sibling goes too, to notice a recovery. They come more and more
 * seldom where each is refused for a key, a bill or a model that somebody has to change, even with nobody else left.
 * @param usualMs configured interval for a target that is well
 * @param isAnyClosed whether any target of the fleet has a closed breaker
 */
export function probeIntervalMs(
  view: TargetView,
  isAnyClosed: boolean,
  usualMs: number,
  now: number,
  policy: HealthPolicy,
): number {
  if (isRefused(view)) return refusedIntervalMs(now - view.changedAt, usualMs, policy);
  const atMost = (ms: number) => Math.min(usualMs, ms);
  if (!isAnyClosed) return atMost(policy.probeConfirmMs);
  if (view.breaker !== 'closed') {
    const grownMs = policy.probeOpenMs + policy.probeOpenGrowth * Math.max(0, now - view.changedAt);
    const pacedMs = atMost(Math.min(policy.probeOpenMaxMs, grownMs));
    // It answers again: the probe that lets trials begin is not waited for once the ejection is over.
    const hasAnswered = view.breaker === 'open' && view.consecutiveFailures === 0 && view.reason !== 'held_out';
    return hasAnswered && now + pacedMs > view.openUntil ? Math.min(pacedMs, policy.probeConfirmMs) : pacedMs;
  }
  const isSiblingGone =
    view.siblingOpenedAt > view.lastProbeAt && now - view.siblingOpenedAt < policy.siblingSuspicionMs;
  if (view.consecutiveFailures > 0 || isSiblingGone) return atMost(policy.probeConfirmMs);
  return view.successEstimate < policy.probeDoubtBelowSuccess ? atMost(policy.probeDoubtMs) : usualMs;
}

/**
 * As long as it has been refused already, in doublings: a deployment that answered 404 for a moment is soon back, and a key that was
 * withdrawn is not tried again and again.
 */
function refusedIntervalMs(refusedForMs: number, usualMs: number, policy: HealthPolicy): number {
  const firstMs = policy.probeOpenMs;
  const doublings = Math.floor(Math.log2(Math.max(1, refusedForMs / firstMs)));
  return Math.min(firstMs * 2 ** doublings, Math.max(usualMs, policy.probeDisabledMs));
}

/** Disabled, and the last call said so. One that was disabled for its sibling's sake, or has answered since, is asked as after any other opening. */
const isRefused = ({ breaker, reason, consecutiveFailures }: TargetView): boolean =>
  breaker === 'open' && isDisabling(reason) && consecutiveFailures > 0;
