import { DEFAULT_POLICY, initialTargetState, type TargetView, viewTarget } from '#libs/health-core';
import { expect, test } from 'vitest';
import { probeSlotMs } from './probe-interval.js';

const now = 1_700_000_000_000;
const profile = { id: 'a/x', provider: 'a', tier: 0, weight: 1, maxLatencyMs: 1_000, timeoutMs: 1_000 };
const well = viewTarget(initialTargetState(profile, DEFAULT_POLICY), profile, now, DEFAULT_POLICY);
const slotMs = (change: Partial<TargetView>, situation = {}) =>
  probeSlotMs({ ...well, ...change }, { usualMs: 30_000, isAnyClosed: true, now, ...situation }, DEFAULT_POLICY);
const open = (openForMs: number): Partial<TargetView> => ({
  breaker: 'open',
  consecutiveFailures: 5,
  changedAt: now - openForMs,
});
const refused: Partial<TargetView> = { ...open(3_600_000), reason: 'auth' };

test.each([
  ['a target that is well is pinged as configured', {}, {}, 30_000],
  ['a first failure is confirmed each second', { consecutiveFailures: 1 }, {}, 1_000],
  ['a target that fails now and then is watched', { successEstimate: 0.9 }, {}, 1_000],
  ['a target that has just opened is asked every 3 s', open(0), {}, 3_000],
  ['one that stays open is asked more seldom', open(10_000), {}, 5_070],
  ['one that has been open for an hour still has its recovery noticed', open(3_600_000), {}, 8_568],
  ['one whose key is refused is asked each quarter of an hour', refused, {}, 900_000],
  ['even with nobody left to ask', refused, { isAnyClosed: false }, 900_000],
  ['or the configured interval, if that is longer', refused, { usualMs: 1_800_000 }, 1_800_000],
  ['until it answers', { ...refused, consecutiveFailures: 0 }, {}, 1_000],
  ['one that has answered is asked again at once', { ...open(3_600_000), consecutiveFailures: 0 }, {}, 1_000],
  ['with nobody left to ask, everybody is pinged each second', open(3_600_000), { isAnyClosed: false }, 1_000],
  ['the configured interval is the longest of all others', {}, { usualMs: 400 }, 400],
])('%s', (_guarantee, change, situation, expected) => {
  expect(slotMs(change, situation)).toBe(expected);
});

test('the growing interval of an open target takes few values, since each begins slots of a new length', () => {
  const lengths = Array.from({ length: 3_600 }, (_, second) => slotMs(open(second * 1_000)));
  expect(new Set(lengths).size).toBeLessThan(6);
  expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
});
