import {
  DEFAULT_POLICY,
  initialRoutingState,
  initialTargetState,
  type TargetView,
  viewTarget,
} from '#libs/health-core';
import { expect, test } from 'vitest';
import type { ResolvedRoute } from './resolve-route.js';
import { RoomLook } from './room-look.js';

const NOW = 1_000_000;

/** One target, in this health. */
function lookAt(changes: Partial<TargetView>): RoomLook {
  const profile = { id: 't', provider: 'p', model: 'm', weight: 1, tier: 0, maxLatencyMs: 1_000, timeoutMs: 1_000 };
  const view = { ...viewTarget(initialTargetState(profile, DEFAULT_POLICY), profile, NOW, DEFAULT_POLICY), ...changes };
  const questionOf = () => ({
    primary: [view],
    standIns: [],
    fallbacks: [],
    preferred: undefined,
    pin: undefined,
    tried: new Set<string>(),
    failedProviders: new Set<string>(),
    isRetry: false,
    parkings: 0,
  });
  return new RoomLook({ questionOf, routing: initialRoutingState(), now: NOW, policy: DEFAULT_POLICY });
}
const route = (model: string): ResolvedRoute => ({
  model,
  primary: ['t'],
  standIns: [],
  fallbacks: [],
  preferred: undefined,
  pin: undefined,
});

test('a target that is well has room for all', () => {
  const look = lookAt({});
  expect(look.has(route('one'))).toBe(true);
  expect([look.find(route('one'), 100), look.find(route('two'), 100)]).toEqual([100, 100]);
});

test('a target whose breaker is open has room for nobody', () => {
  const look = lookAt({ breaker: 'open', available: false, openUntil: NOW + 60_000, lastProbeAt: NOW });
  // The one call that is made all the same when everybody is down.
  look.find(route('panic'), 1);
  expect(look.has(route('one'))).toBe(false);
});

test('the trial of a half-open target is found once, whatever the route; looking takes nothing', () => {
  const look = lookAt({ breaker: 'half-open', available: false });
  expect([look.has(route('one')), look.has(route('one'))]).toEqual([true, true]);
  expect([look.find(route('one'), 100), look.find(route('two'), 100)]).toEqual([1, 0]);
});
