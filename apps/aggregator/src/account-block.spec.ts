import { DEFAULT_POLICY, type Observation } from '#libs/health-core';
import { expect, test } from 'vitest';
import { FleetHealth } from './fleet-health.js';

const now = 1_800_000_000_000;
const target = (id: string, provider: string) => ({
  id,
  provider,
  model: id,
  tier: 0,
  weight: 1,
  maxLatencyMs: 3_000,
  timeoutMs: 10_000,
});
const newFleet = () =>
  new FleetHealth({
    targets: [target('a/one', 'a'), target('a/two', 'a'), target('b/one', 'b')],
    health: { policy: DEFAULT_POLICY },
    probes: { intervalMs: 30_000 },
  });
const call = (change: Partial<Observation>): Observation => ({
  id: `r:${Math.random()}`,
  target: 'a/one',
  source: 'traffic',
  outcome: 'rate_limited',
  latencyMs: 50,
  at: now,
  retryAfterMs: 20_000,
  ...change,
});
const blockedOf = (fleet: FleetHealth) =>
  fleet
    .snapshot({ epoch: 1, version: 1, at: now })
    .targets.filter(({ blockedUntil }) => blockedUntil > now)
    .map(({ target: id }) => id);
const blocksTold = (folded: ReturnType<FleetHealth['fold']>) =>
  folded.as === 'news' ? folded.effects.filter(({ type }) => type === 'blocked').length : 0;

test('a 429 of the account shuts all targets of its provider, nobody else’s, and is told once', () => {
  const fleet = newFleet();
  expect(blocksTold(fleet.fold(call({ scope: 'key' }), now))).toBe(1);
  expect(blockedOf(fleet)).toEqual(['a/one', 'a/two']);
});

test('any other 429 shuts the target that gave it', () => {
  const fleet = newFleet();
  fleet.fold(call({}), now);
  expect(blockedOf(fleet)).toEqual(['a/one']);
});

test('a key that a 403 names takes its siblings out, a permission that is missing does not', () => {
  const refused = { outcome: 'auth', source: 'probe', httpStatus: 403, scope: 'key' } as const;
  const availableAfter = (change: Partial<Observation>) => {
    const fleet = newFleet();
    fleet.fold(call(change), now);
    const { targets } = fleet.snapshot({ epoch: 1, version: 1, at: now });
    return targets.filter(({ available }) => available).map(({ target: id }) => id);
  };
  expect(availableAfter(refused)).toEqual(['b/one']);
  expect(availableAfter({ ...refused, scope: 'target' })).toEqual(['a/two', 'b/one']);
});
