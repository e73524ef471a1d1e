import { describe, expect, test } from 'vitest';
import { seedFromView } from './local-view.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { PROFILE, tell, viewOf } from './story.fixture.js';

const OPEN = 'fail fail fail fail fail';
const seeded = (story: string) => {
  const told = tell(story);
  const state = seedFromView(viewOf(told), PROFILE, told.now, policy);
  return { before: viewOf(told), local: { state, effects: [], now: told.now } };
};

describe('a router on its own', () => {
  test.each(['', 'ok ok ok', 'ok fail ok fail', `${OPEN} 6 trial trial trial 3`])(
    'starts from what the last snapshot said: %s',
    (story) => {
      const { before, local } = seeded(story);
      const view = viewOf(local);
      expect(view.score).toBeCloseTo(before.score, 6);
      expect(view.latencyMs).toBeCloseTo(before.latencyMs ?? 0, 6);
      expect(view).toMatchObject({ breaker: before.breaker, generation: before.generation, closedAt: before.closedAt });
    },
  );

  test.each([OPEN, `${OPEN} 6`])('leaves open what was not closed, until its own trials succeed: %s', (story) => {
    const { local } = seeded(story);
    expect(tell('4', policy, local).state.breaker.phase).toBe('open');
    expect(tell('5', policy, local).state.breaker.phase).toBe('half-open');
    expect(tell('5 trial trial trial', policy, local).state.breaker.phase).toBe('closed');
    expect(tell('5 bad-trial', policy, local).state.breaker).toMatchObject({ phase: 'open', openings: 2 });
  });

  test('leaves out what an operator holds out', () => {
    expect(tell('900', policy, seeded('hold').local).state.breaker.phase).toBe('open');
  });

  test('keeps a larger crumb of traffic for sick targets, since no probe tells it of their recovery', () => {
    const { local } = seeded('fail fail fail');
    expect(viewOf(tell('fail', policy, local)).healthFactor).toBe(policy.blindFloorFactor);
  });

  test.each(['', OPEN])(
    'takes nothing from a snapshot for later than now, when the clock was set back by an hour: %s',
    (story) => {
      const told = tell(`${OPEN} 6 trial trial trial sibling ${story}`);
      const now = told.now - 3_600_000;
      const { breaker } = seedFromView(viewOf(told), PROFILE, now, policy);
      for (const time of ['closedAt', 'siblingOpenedAt', 'changedAt', 'forgivenAt'] as const)
        expect(breaker[time]).toBeLessThanOrEqual(now);
    },
  );

  test('stops to be wary in time, although its clock was set back by an hour', () => {
    const told = tell(`${OPEN} 6 trial trial trial sibling`);
    const now = told.now - 3_600_000;
    const local = { state: seedFromView(viewOf(told), PROFILE, now, policy), effects: [], now };
    expect(tell('31 fail fail fail fail', policy, local).state.breaker.phase).toBe('closed');
  });
});
