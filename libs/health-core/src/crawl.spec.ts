import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY as policy } from './policy.js';
import { observationOf, PROFILE, START } from './story.fixture.js';
import { initialTargetState, type TargetState } from './target-state.js';
import { viewTarget } from './target-view.js';
import { transition } from './transition.js';

/** Streams that all begin after the usual time, one a second, with so many milliseconds between two tokens. */
function heard(state: TargetState, paces: readonly number[], from = START): TargetState {
  let current = state;
  for (const [i, perTokenMs] of paces.entries()) {
    const observation = observationOf({ firstTokenMs: 500, latencyMs: 2_000, perTokenMs });
    [current] = transition(
      current,
      { type: 'observed', observation, now: from + i * 1_000, draw: 0.5 },
      PROFILE,
      policy,
    );
  }
  return current;
}
const LATER = START + 60_000;
const fresh = () => initialTargetState(PROFILE, policy);
const known = (perTokenMs: number) => heard(fresh(), Array<number>(20).fill(perTokenMs));
const scoreOf = (state: TargetState) => viewTarget(state, PROFILE, LATER + 60_000, policy).score;

describe('a stream that begins in time and then crawls', () => {
  test('takes the score down, call by call', () => {
    const usual = known(7);
    const scores = [0, 1, 2, 4, 8].map((count) => scoreOf(heard(usual, Array<number>(count).fill(1_000), LATER)));
    expect(scores[0]).toBeGreaterThan(90);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(scores.at(-1)).toBeLessThan(policy.healthyAboveScore);
  });

  test('is forgotten like any slowness when the target speaks as usual again', () => {
    const crawled = heard(known(7), Array<number>(6).fill(1_000), LATER);
    expect(scoreOf(heard(crawled, Array<number>(60).fill(7), LATER + 6_000))).toBeGreaterThan(90);
  });

  test.each([
    ['four times as slow as usual', 40, 160],
    ['much slower than usual, and still ten tokens a second', 2, 99],
    ['as slow as it always was', 1_000, 1_000],
  ])('is none when it is %s', (_what, usual, now) => {
    const state = known(usual);
    expect(scoreOf(heard(state, Array<number>(10).fill(now), LATER))).toBeCloseTo(
      scoreOf(heard(state, Array<number>(10).fill(usual), LATER)),
      6,
    );
  });

  test('cannot be told before it is known how fast the target speaks', () => {
    expect(scoreOf(heard(fresh(), [...Array<number>(9).fill(7), 1_000]))).toBeGreaterThan(90);
  });

  test('does not become usual by going on', () => {
    const state = heard(known(7), Array<number>(200).fill(1_000), LATER);
    expect(scoreOf(state)).toBeLessThan(policy.healthyAboveScore);
  });

  test.each([Number.NaN, Infinity, -1, 86_400_001])('of %d ms a token was not measured', (perTokenMs) => {
    const state = known(7);
    const { paceLog, paceSamples } = heard(state, [perTokenMs], LATER).latency;
    expect({ paceLog, paceSamples }).toEqual({
      paceLog: state.latency.paceLog,
      paceSamples: state.latency.paceSamples,
    });
  });
});
