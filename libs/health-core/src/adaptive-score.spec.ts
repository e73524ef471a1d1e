import { describe, expect, test } from 'vitest';
import { latencyTerm } from './latency.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { adaptiveScore, healthFactorOf, rampFactor } from './score.js';
import { observationOf, PROFILE, START, tell, viewOf } from './story.fixture.js';
import { successEstimate } from './success.js';
import { transition } from './transition.js';

describe('adaptive score', () => {
  test.each([
    [1, 1, 100, 1],
    [0.98, 1, 94.1192, 1],
    [0.95, 1, 85.7375, 0.8934],
    [0.9, 1, 72.9, 0.5725],
    [0.8, 1, 51.2, 0.03],
    [0.7, 1, 34.3, 0.01],
    [0.98, 1.25, 94.1192, 1],
    [0.98, 2, 75.2954, 0.6324],
    [0.98, 3, 50.1969, 0.01],
    [0.98, 5, 0, 0.01],
  ])('success %d at %d times the usual 2 s gives score %d and factor %d', (success, ratio, score, factor) => {
    const given = adaptiveScore(success, latencyTerm(2_000 * ratio, 2_000, 10_000, policy), policy);
    expect(given).toBeCloseTo(score, 4);
    expect(healthFactorOf(given, policy.floorFactor, policy)).toBeCloseTo(factor, 4);
  });

  test('a target of which nothing is known has the score of the prior, and its whole weight', () => {
    const view = viewOf(tell(''));
    expect(view).toMatchObject({
      successEstimate: expect.closeTo(0.98),
      healthFactor: 1,
      healthy: true,
      latencyMs: expect.closeTo(2_000),
    });
    expect(view.score).toBeCloseTo(94.1192, 4);
  });

  test('one failure at the very first call takes half of the share, not all of it', () => {
    const view = viewOf(tell('fail'));
    expect(view.successEstimate).toBeCloseTo(0.8909, 4);
    expect(view.score).toBeCloseTo(70.71, 2);
    expect(view.healthFactor).toBeCloseTo(0.5178, 4);
  });

  test('the estimate follows a story call by call, to the opening', () => {
    const words = 'ok ok fail ok fail fail fail fail fail'.split(' ');
    const expected = [0.9818, 0.9833, 0.9072, 0.9151, 0.8542, 0.8015, 0.7555, 0.715, 0.6791];
    let told = tell('');
    for (const [i, word] of words.entries()) {
      told = tell(word, policy, told);
      expect(successEstimate(told.state.success, policy)).toBeCloseTo(expected[i] ?? 0, 4);
      expect(told.state.breaker.phase).toBe(i === 8 ? 'open' : 'closed');
    }
  });

  test.each([
    [0, 0.1],
    [1_500, 0.1],
    [3_750, 0.25],
    [7_500, 0.5],
    [15_000, 1],
    [86_400_000, 1],
  ])('%d ms after closing the ramp stands at %d', (sinceMs, factor) => {
    expect(rampFactor(START, START + sinceMs, policy)).toBeCloseTo(factor, 10);
  });

  test('a closing time from a clock that is far ahead does not hold the ramp down', () => {
    expect(rampFactor(START + 3_600_000, START, policy)).toBe(1);
    expect(rampFactor(START + 50, START, policy)).toBe(0.1);
  });

  test('silence is no excuse: an hour without calls ages a bad mark no more than five seconds do', () => {
    const bad = tell('ok fail fail fail');
    expect(viewOf(tell('3600 ok', policy, bad)).score).toBeCloseTo(viewOf(tell('4 ok', policy, bad)).score, 9);
  });

  test('a target that answers five times slower than usual loses its traffic within half a minute of one call per second, and keeps a crumb', () => {
    let told = tell('ok '.repeat(30));
    const slow = { ...told };
    for (let i = 0; i < 30; i++) {
      const now = slow.now + (i + 1) * 1_000;
      told = { ...told, ...foldSlow(told.state, now), now };
    }
    const view = viewOf(told);
    expect(view.healthy).toBe(false);
    expect(view.healthFactor).toBe(policy.blindFloorFactor);
    expect(view.usualLatencyMs).toBeLessThan(2_100);
  });
});

function foldSlow(state: ReturnType<typeof tell>['state'], now: number) {
  const observation = observationOf({ latencyMs: 10_000, at: now, generation: 0 });
  return { state: transition(state, { type: 'observed', observation, now, draw: 0.5 }, PROFILE, policy)[0] };
}
