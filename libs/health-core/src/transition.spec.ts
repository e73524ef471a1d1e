import { describe, expect, test } from 'vitest';
import { FAILURE_CLASSES, consequenceOf, type FailureClass } from './failure.js';
import type { Observation } from './observation.js';
import { conditionOf, initialTargetState, scoreOf, type TargetState } from './target-state.js';
import { transition, type HealthEffect, type HealthPolicy } from './transition.js';

const policy: HealthPolicy = { failuresToDisable: 5, maxLatencyMs: 2_000 };

/**
 * A story is words: `S` a good probe, `T` a good answer to real traffic, `F` a failure, `X` a timeout, `R` a rate limit, `C` a
 * fault of the caller. Each call takes 100 ms and ends 1000 ms after the one before; `F@4` ended at 4 s, whenever it is told.
 */
const words: Record<string, [Observation['outcome'], Observation['source']]> = {
  S: ['success', 'probe'],
  T: ['success', 'traffic'],
  F: ['server_error', 'traffic'],
  X: ['timeout', 'probe'],
  R: ['rate_limited', 'traffic'],
  C: ['bad_request', 'traffic'],
};

function observationOf(word: string, previousAt: number): Observation {
  const [letter = '', seconds] = word.split('@');
  const kind = words[letter];
  if (!kind) throw new Error(`unknown word in story: ${word}`);
  const at = seconds === undefined ? previousAt + 1000 : Number(seconds) * 1000;
  return { id: `story-${at}`, target: 'openai/gpt-4', outcome: kind[0], source: kind[1], latencyMs: 100, at };
}

function tell(story: string): { state: TargetState; effects: HealthEffect[] } {
  let [state, at] = [initialTargetState(), 0];
  const told: HealthEffect[] = [];
  for (const word of story.split(' ')) {
    const observation = observationOf(word, at);
    const [next, effects] = transition(state, observation, policy);
    [state, at] = [next, Math.max(at, observation.at)];
    told.push(...effects);
  }
  return { state, effects: told };
}

const changes = (effects: HealthEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'state-changed' ? [`${effect.from} > ${effect.to}`] : []));

const GOOD = 'S S S S S S S S S S S S';

describe('transition', () => {
  test.each([
    ['a target stays available below the limit', `${GOOD} F F F F`, true],
    ['the fifth failure in a row makes it unavailable', `${GOOD} F F F F F`, false],
    ['any success restarts the row', `${GOOD} F F F F S F F F F`, true],
    ['a success of real traffic restarts the row as well', `${GOOD} F F F F T F F F F`, true],
    ['probes and traffic add to one row', `${GOOD} F X F X F`, false],
    ['the next success makes it available again', `${GOOD} F F F F F S`, true],
    ['a rate limit neither adds to the row nor ends it', `${GOOD} F F F F R R F`, false],
    ['a rate limit does not make it available', `${GOOD} F F F F F R`, false],
    ["the caller's fault neither adds to the row nor ends it", `${GOOD} F F C F F C C F`, false],
    [
      'a success told late, from before the failures, does not make it available',
      'F@11 F@12 F@13 F@14 F@15 S@10',
      false,
    ],
    ['a success told late does not end a row that began after it', 'F@11 F@12 F@13 F@14 S@10 F@15', false],
    [
      'a failure told late, from before the recovery, does not count to a new row',
      'F F F F F S@20 F@9 F@21 F@22 F@23 F@24',
      true,
    ],
    [
      'a failure that seems to be a moment older than the success before it counts',
      'S@1 F@0.98 F@0.99 F@1 F@1 F@1',
      false,
    ],
    [
      'a success that seems to be a moment older than the failures before it counts',
      'F@9 F@9 F@9 F@9 S@8.98 F@9',
      true,
    ],
    ['failures told late, from before the last success, are no row', 'S@20 F@9 F@10 F@11 F@12 F@13', true],
    ['failures told in the wrong order count all the same', 'S@1 F@6 F@5 F@4 F@3 F@2', false],
  ])('%s', (_guarantee, story, available) => {
    expect(tell(story).state.available).toBe(available);
  });

  test('a call that hung through the outage and ended after the recovery does not count to a new row', () => {
    const recovered = tell('F F F F F S@20').state;
    const hung: Observation = { ...observationOf('X@30', 0), latencyMs: 15_000 };
    expect(transition(recovered, hung, policy)[0]).toMatchObject({ consecutiveFailures: 0, requests: 7, failures: 6 });
  });

  test('a timeout counts as a request and as a failure', () => {
    expect(tell('S X').state).toMatchObject({ requests: 2, failures: 1 });
  });

  test.each(FAILURE_CLASSES)('%s counts exactly when it speaks against the target', (outcome: FailureClass) => {
    const [state] = transition(initialTargetState(), { ...observationOf('F', 0), outcome }, policy);
    const counted = consequenceOf(outcome).health === 'failure' ? 1 : 0;
    expect(state).toMatchObject({
      requests: counted,
      failures: counted,
      consecutiveFailures: counted,
      lastCheckAt: 1000,
    });
  });

  test('latency is that of the last good probe, not of real answers, failures or probes told late', () => {
    const [slow] = transition(initialTargetState(), { ...observationOf('S@9', 0), latencyMs: 120 }, policy);
    for (const word of ['T@10', 'F@11', 'X@12', 'S@8'])
      expect(transition(slow, observationOf(word, 0), policy)[0].latencyMs).toBe(120);
    expect(scoreOf(slow)).toBeCloseTo(92.8);
  });

  test('the change names both conditions, both scores and the call that caused it', () => {
    const [before] = [tell(`${GOOD} F F F F`).state];
    const cause = { ...observationOf('F@17', 0), evidence: '00-trace-span-01', errorMessage: 'overloaded' };
    const [state, effects] = transition(before, cause, policy);
    const [scoreBefore, scoreAfter] = [scoreOf(before), scoreOf(state)];
    const change = {
      from: 'healthy',
      to: 'unavailable',
      reason: 'consecutive_failures',
      scoreBefore,
      scoreAfter,
      cause,
    };
    expect(effects).toEqual([{ type: 'state-changed', ...change }]);
    expect(state).toMatchObject({
      evidence: '00-trace-span-01',
      errorMessage: 'overloaded',
      availabilityChangedAt: 17_000,
    });
  });

  test('a recovery clears the error and its evidence', () => {
    expect(tell(`${GOOD} F F F F F S`).state).toMatchObject({
      evidence: null,
      errorMessage: null,
      consecutiveFailures: 0,
    });
  });

  test('every change of condition is told once', () => {
    expect(changes(tell(`${GOOD} F F F F F F F S`).effects)).toEqual([
      'healthy > unavailable',
      'unavailable > healthy',
    ]);
    expect(changes(tell('F S S').effects)).toEqual(['healthy > unhealthy', 'unhealthy > healthy']);
  });

  test('an available target with a score of 50 or less is unhealthy', () => {
    expect(conditionOf(tell('F').state)).toBe('unhealthy');
  });

  test('an answer slower than the limit is told, a slow failure is not', () => {
    const late = { ...observationOf('T', 0), latencyMs: 2_001 };
    const told = { type: 'slow-answer', latencyMs: 2_001, maxLatencyMs: 2_000, source: 'traffic' };
    expect(transition(initialTargetState(), late, policy)[1]).toEqual([told]);
    expect(transition(initialTargetState(), { ...late, latencyMs: 2_000 }, policy)[1]).toEqual([]);
    expect(tell('S').effects).toEqual([]);
    const timeout = { ...observationOf('X', 0), latencyMs: 10_000 };
    expect(transition(initialTargetState(), timeout, policy)[1].map(({ type }) => type)).toEqual(['state-changed']);
  });

  test('the state given is left as it was', () => {
    const before = Object.freeze(initialTargetState());
    expect(transition(before, observationOf('F', 0), policy)[0]).not.toBe(before);
  });
});
