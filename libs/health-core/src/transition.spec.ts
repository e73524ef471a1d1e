import { describe, expect, test } from 'vitest';
import { FAILURE_CLASSES, consequenceOf } from './failure.js';
import { DEFAULT_POLICY, type HealthPolicy } from './policy.js';
import { initialTargetState } from './target-state.js';
import { observationOf, PROFILE, START, tell, viewOf, type Told } from './story.fixture.js';
import { transition } from './transition.js';

const policy = DEFAULT_POLICY;
const OPEN = 'fail fail fail fail fail';
/** Open, then half-open: the ejection of 5 s is over and two probes were good. */
const HALF_OPEN = `${OPEN} bad-probe 3 probe probe`;
const CLOSED_AGAIN = `${HALF_OPEN} trial trial trial`;

const phase = ({ state }: Told) => state.breaker.phase;
const moves = ({ effects }: Told) =>
  effects.flatMap((effect) => (effect.type === 'breaker-changed' ? [`${effect.from} > ${effect.to}`] : []));

describe('breaker', () => {
  test.each([
    ['four failures in a row leave it closed', 'fail fail fail fail', 'closed'],
    ['the fifth failure in a row opens it', OPEN, 'open'],
    ['any success restarts the row', 'fail fail fail fail ok fail fail fail fail', 'closed'],
    ['a good probe restarts the row as well', 'fail fail fail fail probe fail fail fail fail', 'closed'],
    ['probes and traffic add to one row', 'fail bad-probe fail bad-probe fail', 'open'],
    ['a rate limit neither adds to the row nor ends it', 'fail fail throttled fail fail throttled fail', 'open'],
    ['a target that only throttles stays closed', 'throttled '.repeat(50), 'closed'],
    ["a caller's fault says nothing", `${'caller '.repeat(20)} fail fail caller fail fail`, 'closed'],
    ['a cancelled call says nothing', 'fail fail fail fail cancelled cancelled', 'closed'],
    ['a refused key opens it at once when a probe says so', 'ok auth', 'open'],
    ['an exhausted quota opens it at once', 'ok quota', 'open'],
    ['after a sibling has opened two failures are enough', 'sibling fail fail', 'open'],
    ['the suspicion ends after half a minute', 'sibling 29 fail fail', 'closed'],
    ['it stays open for its time, whatever the probes say', `${OPEN} probe probe probe`, 'open'],
    ['then two good probes make it half-open', HALF_OPEN, 'half-open'],
    ['a bad probe between them starts the count anew', `${OPEN} bad-probe 1 probe bad-probe 2 probe`, 'open'],
    ['while a prober reports, time alone does not', `${OPEN} ${'bad-probe 9 '.repeat(30)}`, 'open'],
    ['without a prober, time alone makes it half-open', `${OPEN} 6`, 'half-open'],
    ['probes that are only throttled are no prober', `${OPEN} throttled-probe 3 throttled-probe 3`, 'half-open'],
    ['a refused key without a prober is not tried for half an hour', 'auth 1799', 'open'],
    ['and then it is', 'auth 1800', 'half-open'],
    ['nor at all while a prober asks each quarter of an hour', `auth ${'899 auth '.repeat(8)} 899`, 'open'],
    [
      'two good probes let trials begin, however far apart the refused ones were',
      'auth 899 auth 899 probe probe',
      'half-open',
    ],
    ['a refused key is tried as soon as two probes were good', 'auth 5 probe probe', 'half-open'],
    ['two good trials leave it half-open', `${HALF_OPEN} trial trial`, 'half-open'],
    ['the third closes it', CLOSED_AGAIN, 'closed'],
    ['a failed trial opens it again', `${HALF_OPEN} trial trial bad-trial`, 'open'],
    ['so does a failed probe', `${HALF_OPEN} trial bad-probe`, 'open'],
    ['other traffic does not', `${HALF_OPEN} fail fail fail fail fail`, 'half-open'],
    ['a throttled trial leaves it half-open', `${HALF_OPEN} throttled-trial`, 'half-open'],
    ['without traffic four good probes close it after ten seconds', `${HALF_OPEN} 3 probe 5 probe`, 'closed'],
    ['but not before', `${HALF_OPEN} probe probe probe`, 'half-open'],
    ['in a panic one good answer makes it half-open at once', `${OPEN} panic`, 'half-open'],
    ['and counts as a good trial', `${OPEN} panic trial trial`, 'closed'],
    ['a failed panic attempt changes nothing', `${OPEN} bad-panic`, 'open'],
    ['after closing three failures are enough, during the ramp', `${CLOSED_AGAIN} fail fail fail`, 'open'],
    ['after the ramp it is trusted as before', `${CLOSED_AGAIN} 15 fail fail fail fail`, 'closed'],
    ['what began before the closing cannot open it', `${CLOSED_AGAIN} ${'late:fail '.repeat(9)}`, 'closed'],
    [
      'what began before the opening cannot help to close it',
      `${OPEN} bad-probe 4 late:probe late:probe late:panic`,
      'open',
    ],
    ['an operator takes it out for good', 'hold 9000', 'open'],
    ['probes and panic do not change that', 'hold 5 probe probe probe probe panic', 'open'],
    ['released, it is on trial', 'hold 5 release', 'half-open'],
    ['releasing what nobody holds does nothing', `${OPEN} release`, 'open'],
  ])('%s', (_guarantee, story, expected) => {
    expect(phase(tell(story))).toBe(expected);
  });

  test.each([
    ['the first opening lasts 5 s', OPEN, 5_000],
    ['the next one doubles', `${HALF_OPEN} bad-trial`, 10_000],
    [
      'failing probes during a long outage do not make it longer',
      `${OPEN} ${'bad-probe 9 '.repeat(200)} probe probe bad-trial`,
      10_000,
    ],
    ['each quiet minute takes one opening off', `${CLOSED_AGAIN} 60 ${OPEN}`, 5_000],
  ])('%s', (_guarantee, story, ms) => {
    const { openUntil, changedAt } = tell(story).state.breaker;
    expect(openUntil - changedAt).toBe(ms);
  });

  test('quiet minutes are forgiven one by one', () => {
    const twice = tell(`${HALF_OPEN} bad-trial 10 probe probe trial trial trial`);
    expect(twice.state.breaker).toMatchObject({ phase: 'closed', openings: 2 });
    const openingsAfter = (seconds: number) => tell(`${seconds}`, policy, twice).state.breaker.openings;
    expect([59, 60, 119, 120, 900].map(openingsAfter)).toEqual([2, 1, 1, 0, 0]);
  });

  test('a breaker that reopens again and again is never open for longer than two minutes and jitter', () => {
    let told = tell(OPEN);
    for (let i = 0; i < 20; i++) told = tell('120 probe probe bad-trial', policy, told, 0.999);
    expect(told.state.breaker.openUntil - told.now).toBeLessThanOrEqual(120_000 * 1.2);
  });

  test('a full circle is told step by step, each with a new generation', () => {
    const told = tell(`${CLOSED_AGAIN}`);
    expect(moves(told)).toEqual(['closed > open', 'open > half-open', 'half-open > closed']);
    expect(told.state.breaker.generation).toBe(3);
  });

  test('when it closes, the past is forgotten but what is usual stays', () => {
    const { state } = tell(CLOSED_AGAIN);
    expect(state).toMatchObject({ success: { bad: 0 }, latency: { samples: 0 }, errorMessage: null, evidence: null });
    expect(state.latency.wholeSamples).toBe(3);
  });
});

describe('transition', () => {
  test('an opening is told with its reason, its cause and the call for the siblings', () => {
    const before = tell('ok fail fail fail fail');
    const cause = observationOf({
      outcome: 'timeout',
      errorMessage: 'no answer',
      evidence: '00-a-b-01',
      generation: 0,
    });
    const now = before.now + 1;
    const [state, effects] = transition(
      before.state,
      { type: 'observed', observation: cause, now, draw: 0 },
      PROFILE,
      policy,
    );
    expect(effects).toEqual([
      {
        type: 'state-changed',
        from: 'unhealthy',
        to: 'unavailable',
        reason: 'consecutive_failures',
        scoreBefore: viewOf(before).score,
        scoreAfter: viewOf({ ...before, state }).score,
        cause,
      },
      { type: 'breaker-changed', from: 'closed', to: 'open', generation: 1, reason: 'consecutive_failures', cause },
      { type: 'opened', reason: 'consecutive_failures', openUntil: now + 4_000 },
    ]);
    expect(viewOf({ state, effects, now })).toMatchObject({
      breaker: 'open',
      available: false,
      reason: 'consecutive_failures',
      errorMessage: 'no answer',
      evidence: '00-a-b-01',
    });
  });

  test('an operator is obeyed without alarming the siblings, and his words are kept', () => {
    const told = tell('ok hold');
    expect(told.effects.map(({ type }) => type)).toEqual(['state-changed', 'breaker-changed']);
    expect(viewOf(told)).toMatchObject({ reason: 'held_out', errorMessage: 'drained by hand' });
  });

  test.each(FAILURE_CLASSES)('%s is counted exactly when it speaks against the target', (outcome) => {
    const fresh = initialTargetState(PROFILE, policy);
    const event = { type: 'observed', observation: observationOf({ outcome }), now: START, draw: 0.5 } as const;
    const [state] = transition(fresh, event, PROFILE, policy);
    const counts = ['failure', 'disable'].includes(consequenceOf(outcome).health) ? 1 : 0;
    expect(state).toMatchObject({ requests: counts, failures: counts, lastCheckAt: START });
    expect(state.success.bad).toBe(counts);
    // A key that is refused to one job waits for a probe to confirm it.
    const isDisabled = consequenceOf(outcome).health === 'disable' && outcome !== 'auth';
    expect(state.breaker.phase).toBe(isDisabled ? 'open' : 'closed');
  });

  test('without a generation the length of the call tells that it began before the recovery', () => {
    const recovered = tell(CLOSED_AGAIN);
    const now = recovered.now + 5_000;
    const fold = (latencyMs: number) => {
      const observation = observationOf({ outcome: 'timeout', latencyMs });
      return transition(recovered.state, { type: 'observed', observation, now, draw: 0.5 }, PROFILE, policy)[0];
    };
    expect(fold(30_000)).toMatchObject({ breaker: { consecutiveFailures: 0 }, failures: recovered.state.failures + 1 });
    expect(fold(4_000).breaker.consecutiveFailures).toBe(1);
  });

  test('an answer slower than the limit is told, a slow failure is not', () => {
    const fresh = initialTargetState(PROFILE, policy);
    const fold = (change: Parameters<typeof observationOf>[0]) =>
      transition(
        fresh,
        { type: 'observed', observation: observationOf(change), now: START, draw: 0.5 },
        PROFILE,
        policy,
      )[1];
    expect(fold({ latencyMs: 10_001 })).toEqual([
      { type: 'slow-answer', latencyMs: 10_001, maxLatencyMs: 10_000, source: 'traffic' },
    ]);
    expect(fold({ latencyMs: 10_000 })).toEqual([]);
    expect(fold({ latencyMs: 20_000, outcome: 'timeout' }).map(({ type }) => type)).not.toContain('slow-answer');
  });

  test('the first token judges, so that a long answer is not taken for a slow one', () => {
    const fold = (change: Parameters<typeof observationOf>[0]) => {
      const event = { type: 'observed', observation: observationOf(change), now: START, draw: 0.5 } as const;
      return transition(initialTargetState(PROFILE, policy), event, PROFILE, policy)[0].latency.logRatioSum;
    };
    expect(fold({ latencyMs: 9_000, firstTokenMs: 500 })).toBeCloseTo(0);
    expect(fold({ latencyMs: 9_000 })).toBeGreaterThan(1);
    expect(fold({ latencyMs: 9_000, firstTokenMs: 2_500 })).toBeCloseTo(Math.log(5));
  });

  test('the state given is left as it was', () => {
    const { state, now } = tell('ok fail');
    const before = structuredClone(state);
    transition(
      state,
      { type: 'observed', observation: observationOf({ outcome: 'auth' }), now, draw: 0.5 },
      PROFILE,
      policy,
    );
    expect(state).toEqual(before);
  });
});

describe('article profile', () => {
  const article: HealthPolicy = { ...policy, scoring: 'article' };
  const ofArticle = (story: string) => viewOf(tell(story, article), article);

  test('only probes count, over the whole lifetime', () => {
    expect(ofArticle('fail fail fail fail fail fail')).toMatchObject({
      breaker: 'closed',
      score: 100,
      successEstimate: 1,
    });
    const view = ofArticle('probe probe probe bad-probe');
    expect(view).toMatchObject({ successEstimate: 0.75, latencyMs: 500 });
    expect(view.score).toBeCloseTo(0.7 * 75);
    expect(view.healthFactor).toBeCloseTo(0.525);
  });

  test('five failed probes in a row disable it, the next good one enables it: no trial, no ramp', () => {
    expect(ofArticle(`${'probe '.repeat(20)} ${'bad-probe '.repeat(4)}`).available).toBe(true);
    expect(ofArticle(`${'probe '.repeat(20)} ${'bad-probe '.repeat(5)}`)).toMatchObject({
      available: false,
      healthFactor: 0,
    });
    expect(ofArticle(`${'probe '.repeat(20)} ${'bad-probe '.repeat(5)} probe`)).toMatchObject({
      breaker: 'closed',
      available: true,
      closedAt: 0,
    });
  });

  test('the same state reads differently under each scoring', () => {
    const told = tell(`${'probe '.repeat(50)} ${OPEN}`);
    expect(viewOf(told, policy)).toMatchObject({ breaker: 'open' });
    expect(viewOf(told, article)).toMatchObject({ breaker: 'closed', healthy: true, score: 70 });
  });
});
