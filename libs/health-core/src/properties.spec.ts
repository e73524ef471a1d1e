import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { articleScore } from './article-score.js';
import { FAILURE_CLASSES, consequenceOf } from './failure.js';
import type { Observation } from './observation.js';
import { conditionOf, initialTargetState, scoreOf, type TargetState } from './target-state.js';
import { transition } from './transition.js';
import { routingWeights } from './weights.js';

const policy = { failuresToDisable: 5, maxLatencyMs: 2_000 };

const observation: fc.Arbitrary<Observation> = fc.record({
  id: fc.constant('property-1'),
  target: fc.constant('openai/gpt-4'),
  source: fc.constantFrom('probe', 'traffic'),
  outcome: fc.constantFrom('success', ...FAILURE_CLASSES),
  latencyMs: fc.integer({ min: 0, max: 30_000 }),
  at: fc.integer({ min: 1, max: 100_000 }),
});
const history = fc.array(observation, { maxLength: 60 });

const fold = (observations: Observation[]): TargetState =>
  observations.reduce((state, next) => transition(state, next, policy)[0], initialTargetState());
const isCounted = ({ outcome }: Observation) => outcome === 'success' || consequenceOf(outcome).health === 'failure';

describe('whatever happens, in whatever order', () => {
  test('the score stays between 0 and 100, and counts add up', () => {
    fc.assert(
      fc.property(history, (observations) => {
        const state = fold(observations);
        expect(scoreOf(state)).toBeGreaterThanOrEqual(0);
        expect(scoreOf(state)).toBeLessThanOrEqual(100);
        const counted = observations.filter(isCounted);
        expect(state.requests).toBe(counted.length);
        expect(state.failures).toBe(counted.filter(({ outcome }) => outcome !== 'success').length);
        expect(state.consecutiveFailures).toBeLessThanOrEqual(state.failures);
      }),
    );
  });

  test('a state survives being stored as JSON', () => {
    fc.assert(
      fc.property(history, (observations) => {
        expect(JSON.parse(JSON.stringify(fold(observations)))).toEqual(fold(observations));
      }),
    );
  });

  test('what says nothing about the target moves nothing but the time of the last check', () => {
    fc.assert(
      fc.property(history, observation, (observations, neutral) => {
        fc.pre(!isCounted(neutral));
        const before = fold(observations);
        const [after, effects] = transition(before, neutral, policy);
        expect({ ...after, lastCheckAt: before.lastCheckAt }).toEqual(before);
        expect(effects).toEqual([]);
      }),
    );
  });

  test('a target is unavailable only with a full row of failures behind it, and a fresh success ends that', () => {
    fc.assert(
      fc.property(history, (observations) => {
        const state = fold(observations);
        if (!state.available) expect(state.consecutiveFailures).toBeGreaterThanOrEqual(policy.failuresToDisable);
        const success: Observation = {
          id: 'property-2',
          target: 'openai/gpt-4',
          source: 'probe',
          outcome: 'success',
          latencyMs: 10,
          at: 200_000,
        };
        expect(transition(state, success, policy)[0]).toMatchObject({ available: true, consecutiveFailures: 0 });
      }),
    );
  });

  test('the changes told are exactly those of the condition', () => {
    fc.assert(
      fc.property(history, (observations) => {
        let state = initialTargetState();
        for (const next of observations) {
          const [after, effects] = transition(state, next, policy);
          const told = effects.filter(({ type }) => type === 'state-changed');
          expect(told).toHaveLength(conditionOf(state) === conditionOf(after) ? 0 : 1);
          state = after;
        }
      }),
    );
  });
});

test('the score never rises with latency and never falls with success', () => {
  const rate = fc.double({ min: 0, max: 1, noNaN: true });
  const latency = fc.double({ min: 0, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(latency, latency, rate, rate, (l1, l2, r1, r2) => {
      const [fast, slow] = [Math.min(l1, l2), Math.max(l1, l2)];
      const [low, high] = [Math.min(r1, r2), Math.max(r1, r2)];
      expect(articleScore(fast, r1)).toBeGreaterThanOrEqual(articleScore(slow, r1));
      expect(articleScore(l1, high)).toBeGreaterThanOrEqual(articleScore(l1, low));
    }),
  );
});

test('equal scores leave the configured shares as they are', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(weights, fc.double({ min: 51, max: 100, noNaN: true }), (base, score) => {
      const routing = routingWeights(base.map((weight) => ({ weight, score, healthy: true })));
      const share = (values: number[], i: number) => values[i]! / values.reduce((sum, value) => sum + value, 0);
      for (const i of base.keys()) expect(share(routing, i)).toBeCloseTo(share(base, i), 10);
    }),
  );
});
