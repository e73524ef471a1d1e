import type { TargetHealth } from '#libs/contracts';
import type { AlertRules } from './alert.js';
import type { AlertState } from './alert-state.js';

type TargetRecord = AlertState['targets'][string];

/** More changes than this are not remembered: they say nothing new. */
const MOST_CHANGES = 50;

/** The records after one more look. Targets that are configured no more are forgotten. */
export function withChanges(
  known: AlertState['targets'],
  targets: readonly TargetHealth[],
  now: number,
  { flapWindowMs, resolveAfterMs }: AlertRules,
): AlertState['targets'] {
  const oldest = now - Math.max(flapWindowMs, resolveAfterMs);
  return Object.fromEntries(
    targets.map(({ target, available }): [string, TargetRecord] => {
      const before = known[target];
      const changed = before !== undefined && before.available !== available;
      const changes = [...(before?.changes ?? []), ...(changed ? [now] : [])];
      return [target, { available, changes: changes.filter((at) => at >= oldest && at <= now).slice(-MOST_CHANGES) }];
    }),
  );
}

/** Whether it went to and fro often enough lately, and has not come to rest since. */
export function isFlapping(record: TargetRecord | undefined, now: number, rules: AlertRules): boolean {
  const lately = record?.changes.filter((at) => at >= now - rules.flapWindowMs) ?? [];
  return lately.length >= rules.flapTransitions && now - lastChangeOf(record) < rules.resolveAfterMs;
}

/** When it last changed; -Infinity: not lately. */
export const lastChangeOf = (record: TargetRecord | undefined): number => record?.changes.at(-1) ?? -Infinity;
