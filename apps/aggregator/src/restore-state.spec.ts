import { DEFAULT_POLICY, initialTargetState } from '#libs/health-core';
import { describe, expect, test } from 'vitest';
import { restoreState } from './restore-state.js';

const profile = { id: 'a/x', provider: 'a', tier: 0, weight: 1, maxLatencyMs: 1_000, timeoutMs: 1_000 };
const blank = initialTargetState(profile, DEFAULT_POLICY);

describe('a stored state', () => {
  test('comes back as it was', () => {
    const known = { ...blank, requests: 7, errorMessage: 'overloaded', breaker: { ...blank.breaker, generation: 3 } };
    expect(restoreState(JSON.parse(JSON.stringify(known)), blank)).toEqual(known);
  });

  test('of an older version keeps the counts that still exist, and begins anew with the rest', () => {
    const old = { available: false, requests: 12, failures: 5, consecutiveFailures: 5, latencyMs: 120 };
    expect(restoreState(old, blank)).toEqual({ ...blank, requests: 12, failures: 5 });
  });

  test.each([null, 5, 'garbage', [], { breaker: 'open', requests: null, success: { good: 'much' } }])(
    'that makes no sense (%j) is as good as none',
    (garbage) => {
      expect(restoreState(garbage, blank)).toEqual(blank);
    },
  );
});
