import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY, type HealthPolicy } from './policy.js';
import { policyProblems } from './policy-problems.js';

const fieldsOf = (change: Partial<HealthPolicy>) =>
  policyProblems({ ...DEFAULT_POLICY, ...change }).map(({ field }) => field);
const NUMBERS = Object.keys(DEFAULT_POLICY).filter((field) => field !== 'scoring') as (keyof HealthPolicy)[];

describe('policy', () => {
  test('the default is sound, under both scorings', () => {
    expect(policyProblems(DEFAULT_POLICY)).toEqual([]);
    expect(fieldsOf({ scoring: 'article' })).toEqual([]);
  });

  test.each(NUMBERS)('%s must be a number that makes sense', (field) => {
    for (const value of [Number.NaN, Infinity, -Infinity, '5', undefined, null])
      expect(fieldsOf({ [field]: value })).toEqual([field]);
    if (field !== 'latencyMinLogRatio') expect(fieldsOf({ [field]: -1 })).toEqual([field]);
  });

  test.each(NUMBERS)('%s has an upper bound', (field) => {
    expect(fieldsOf({ [field]: 1e13 })).toEqual([field]);
  });

  test.each<[string, Partial<HealthPolicy>, string]>([
    ['zero failures', { consecutiveToOpen: 0 }, 'consecutiveToOpen must be a whole number of at least 1, not 0'],
    ['half a failure', { trialsToClose: 2.5 }, 'trialsToClose must be a whole number of at least 1, not 2.5'],
    ['a half-life of zero', { evidenceHalfLifeMs: 0 }, 'evidenceHalfLifeMs must be above 0, not 0'],
    ['a ramp that starts above 1', { rampFloor: 1.5 }, 'rampFloor must be above 0 and at most 1, not 1.5'],
    ['certain success', { priorSuccess: 1 }, 'priorSuccess must be between 0 and 1, not 1'],
    ['a jitter that could reach the past', { openJitter: 1 }, 'openJitter must be at least 0 and below 1, not 1'],
    [
      'pings whose slot is over before they start',
      { probeConfirmMs: 0.001 },
      'probeConfirmMs must be at least 100, not 0.001',
    ],
    [
      'a snapshot that is stale between two heartbeats',
      { staleAfterMs: 500 },
      'staleAfterMs must be at least 2000, not 500',
    ],
    [
      'a time above 30 days',
      { openMaxMs: 2_592_000_001 },
      'openMaxMs must be at most 2592000000 (30 days), not 2592000001: lower it',
    ],
    [
      'an exponent that leaves no score',
      { scoreExponent: 101 },
      'scoreExponent must be at most 100, not 101: lower it',
    ],
    [
      'a breaker that never opens',
      { consecutiveToOpen: 1_001 },
      'consecutiveToOpen must be at most 1000, not 1001: lower it',
    ],
    ['another scoring', { scoring: 'magic' as never }, 'scoring must be "adaptive" or "article", not "magic"'],
    [
      'a longest ejection below the shortest',
      { openMaxMs: 1_000 },
      'openBaseMs (5000) must not be above openMaxMs (1000): lower it, or raise openMaxMs',
    ],
    [
      'less trust after the ramp than during it',
      { consecutiveToOpen: 2 },
      'consecutiveWhileRamping (3) must not be above consecutiveToOpen (2): lower it, or raise consecutiveToOpen',
    ],
    [
      'a full share below the threshold',
      { fullShareAtScore: 40 },
      'healthyAboveScore (50) must be below fullShareAtScore (40)',
    ],
  ])('%s is refused by name', (_what, change, message) => {
    expect(policyProblems({ ...DEFAULT_POLICY, ...change }).map((problem) => problem.message)).toContain(message);
  });
});
