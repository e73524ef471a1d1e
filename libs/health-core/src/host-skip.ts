import type { HealthPolicy } from './policy.js';
import { standingOf, type LocalStanding, type RoutingState } from './routing-state.js';
import type { TargetView } from './target-view.js';

// A name that nobody knows and a certificate that nobody trusts fail alike for whatever lies behind them, and nearly always until
// somebody mends a configuration. A call that leaves all the same costs its job a failover, and tells nothing.

/** A call failed before it reached the host that these targets share. */
export const afterHostFailure = (routing: RoutingState, targets: readonly string[], now: number): RoutingState =>
  withHostFailedAt(routing, targets, now);

/** The host has answered: what it was skipped for is over, for all of its targets. */
export function afterHostSuccess(routing: RoutingState, targets: readonly string[]): RoutingState {
  const skipped = targets.filter((target) => standingOf(routing, target).hostFailedAt > 0);
  return skipped.length === 0 ? routing : withHostFailedAt(routing, skipped, 0);
}

/** Whether the target is left alone for its host. A breaker that has closed since was closed by calls that got there. */
export const isHostSkipped = (
  { hostFailedAt }: LocalStanding,
  { closedAt }: Pick<TargetView, 'closedAt'>,
  now: number,
  { hostSkipMs }: HealthPolicy,
): boolean => hostFailedAt > 0 && closedAt <= hostFailedAt && now - hostFailedAt < hostSkipMs;

function withHostFailedAt(routing: RoutingState, targets: readonly string[], hostFailedAt: number): RoutingState {
  const changed = targets.map((target) => [target, { ...standingOf(routing, target), hostFailedAt }]);
  return { ...routing, targets: { ...routing.targets, ...Object.fromEntries(changed) } };
}
