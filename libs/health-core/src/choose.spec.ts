import { describe, expect, test } from 'vitest';
import { choose } from './choose.js';
import type { RouteQuestion } from './decision.js';
import { consequenceOf, FAILURE_CLASSES } from './failure.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { initialRoutingState, type RoutingState } from './routing-state.js';
import { settle } from './settle.js';
import { aView, START } from './story.fixture.js';
import type { TargetView } from './target-view.js';

const OPEN: Partial<TargetView> = {
  breaker: 'open',
  available: false,
  healthy: false,
  reason: 'consecutive_failures',
  lastProbeAt: START,
};
const HALF: Partial<TargetView> = { ...OPEN, breaker: 'half-open' };
const DRAINED: Partial<TargetView> = { weight: 0 };
const SICK: Partial<TargetView> = { healthy: false, score: 30, healthFactor: 0.01 };

const [a, b, c, d] = ['a/x', 'b/x', 'c/x', 'd/x'].map((id) => aView(id)) as [
  TargetView,
  TargetView,
  TargetView,
  TargetView,
];
const is = (view: TargetView, change: Partial<TargetView>): TargetView => ({ ...view, ...change });

const questionOf = (change: Partial<RouteQuestion>): RouteQuestion => ({
  primary: [],
  standIns: [],
  fallbacks: [],
  tried: new Set(),
  failedProviders: new Set(),
  isRetry: false,
  ...change,
});
const ask = (change: Partial<RouteQuestion>, routing: RoutingState = initialRoutingState(), now = START, draw = 0.5) =>
  choose(questionOf(change), routing, now, draw, policy);
const retry = (...tried: TargetView[]): Partial<RouteQuestion> => ({
  isRetry: true,
  tried: new Set(tried.map(({ target }) => target)),
  failedProviders: new Set(tried.map(({ provider }) => provider)),
});
/** A router that has met this end at target a, once or more often. */
const met = (end: Parameters<typeof settle>[2], times = 1): RoutingState => {
  let routing = initialRoutingState();
  for (let i = 0; i < times; i++) routing = settle(routing, a.target, end, START, 0, policy);
  return routing;
};
const throttledFor = (retryAfterMs: number) => met({ outcome: 'rate_limited', latencyMs: 10, retryAfterMs });

describe('choose', () => {
  test.each<[string, Partial<RouteQuestion>, string]>([
    ['the route’s own target is asked', { primary: [a], standIns: [b], fallbacks: [c] }, 'a/x primary'],
    [
      'a stand-in answers when none of them can',
      { primary: [is(a, OPEN)], standIns: [b], fallbacks: [c] },
      'b/x stand-in',
    ],
    [
      'the only target of a route has all first attempts while it is merely sick',
      { primary: [is(a, SICK)], standIns: [b], fallbacks: [c] },
      'a/x primary',
    ],
    [
      'in the article profile a sick one has none while a stand-in can answer',
      { primary: [is(a, { ...SICK, healthFactor: 0 })], standIns: [b], fallbacks: [c] },
      'b/x stand-in',
    ],
    ['then the fallback chain, in its own order', { primary: [is(a, OPEN)], fallbacks: [c, b] }, 'c/x fallback'],
    ['the chain passes over what is open', { primary: [is(a, OPEN)], fallbacks: [is(c, OPEN), b] }, 'b/x fallback'],
    ['a preferred target comes first', { primary: [a], preferred: b }, 'b/x preferred'],
    ['a sick one has no privilege', { primary: [a], preferred: is(b, SICK) }, 'a/x primary'],
    ['nor has one that was tried', { primary: [a], preferred: b, ...retry(b) }, 'a/x primary'],
    ['a pin is asked whatever its health', { primary: [a], standIns: [b], pin: is(c, OPEN) }, 'c/x pinned'],
    ['a pin that was tried is not asked again', { primary: [a], pin: a, ...retry(a) }, 'wait'],
    ['a first attempt is the trial of a half-open target', { primary: [a, is(b, HALF)] }, 'b/x trial'],
    ['a retry never is', { primary: [a, is(b, HALF), c], ...retry(a) }, 'c/x primary'],
    [
      'no trial of a stand-in while the route can answer itself',
      { primary: [a], standIns: [is(b, HALF)] },
      'a/x primary',
    ],
    [
      'a retry leaves the failed provider',
      { primary: [a, aView('a/y', { weight: 99 }), b], ...retry(a) },
      'b/x primary',
    ],
    ['unless nobody else is left', { primary: [a, aView('a/y')], ...retry(a) }, 'a/y primary'],
    ['a reserve tier stays in reserve', { primary: [is(b, { tier: 1, weight: 99 }), a] }, 'a/x primary'],
    ['and steps in when the normal tier is gone', { primary: [is(b, { tier: 1 }), is(a, OPEN)] }, 'b/x primary'],
    ['a drained target is a last resort', { primary: [is(a, OPEN), is(b, DRAINED)] }, 'b/x last-resort'],
    ['also of a job that has tried the rest', { primary: [a, is(b, DRAINED)], ...retry(a) }, 'b/x last-resort'],
    ['it comes after the chain', { primary: [is(a, DRAINED)], fallbacks: [b] }, 'b/x fallback'],
    [
      'in the article profile the unhealthy go before the drained',
      { primary: [is(a, DRAINED), is(b, { ...SICK, healthFactor: 0 })] },
      'b/x last-resort',
    ],
    [
      'with everything open the best is asked all the same',
      { primary: [is(a, { ...OPEN, score: 10 }), is(b, { ...OPEN, score: 30 })] },
      'b/x panic',
    ],
    ['no panic while any target is closed', { primary: [is(a, OPEN), b], ...retry(b) }, 'wait'],
    ['a held out target is not asked in a panic', { primary: [is(a, { ...OPEN, reason: 'held_out' })] }, 'wait'],
    ['nor one without a valid key', { primary: [is(a, { ...OPEN, reason: 'auth' })] }, 'wait'],
    [
      'with nothing closed a half-open target goes before an open one, also for a retry',
      { primary: [is(a, OPEN), is(b, { ...HALF, score: 0 }), is(c, OPEN)], ...retry(a) },
      'b/x trial',
    ],
    ['nobody to ask is a wait', {}, 'wait'],
  ])('%s', (_guarantee, question, expected) => {
    const { choice, waitMs } = ask(question);
    expect(choice ? `${choice.target} ${choice.kind}` : 'wait').toBe(expected);
    expect(waitMs === 0).toBe(choice !== null);
  });

  test('every target that was passed over is explained', () => {
    const { excluded } = ask({
      primary: [a, is(b, OPEN), is(c, DRAINED)],
      standIns: [is(d, HALF), aView('e/x', { ...OPEN, reason: 'quota' })],
      fallbacks: [aView('f/x', { ...OPEN, reason: 'held_out' })],
    });
    expect(excluded.map(({ target, reason }) => `${target} ${reason}`)).toEqual([
      'b/x open',
      'c/x drained',
      'd/x half_open',
      'e/x disabled',
      'f/x held_out',
    ]);
  });

  test('one trial at a time, and the next two seconds later', () => {
    const question = { primary: [a, is(b, HALF)] };
    const first = ask(question);
    expect(first.choice?.kind).toBe('trial');
    expect(ask(question, first.routing, START + 9_000).choice?.kind).toBe('primary');
    const free = settle(
      first.routing,
      b.target,
      { outcome: 'cancelled', latencyMs: 5, trial: true },
      START + 5,
      0.5,
      policy,
    );
    expect(ask(question, free, START + 1_000).choice?.kind).toBe('primary');
    expect(ask(question, free, START + 1_000, 0.049).choice?.kind).toBe('trial');
    expect(ask(question, free, START + 2_000).choice?.kind).toBe('trial');
  });

  test('panic makes one attempt per target and second, fewer with probes, and far fewer while these say that it is down', () => {
    const attempts = (lastProbeAt: number, goodProbes = 0) => {
      const open = { ...OPEN, lastProbeAt, goodProbes };
      const question = { primary: [is(a, open), is(b, open)] };
      let [routing, count] = [initialRoutingState(), 0];
      for (let now = START; now < START + 10_000; now += 100) {
        const decision = ask(question, routing, now);
        routing = decision.routing;
        if (decision.choice) count++;
      }
      return count;
    };
    expect(attempts(0)).toBe(20);
    expect(attempts(START)).toBe(2);
    expect(attempts(START, policy.probesToHalfOpen - 1)).toBe(2);
    // After many openings the next trial is minutes away, and jobs wait.
    expect(attempts(START, policy.probesToHalfOpen)).toBe(4);
  });

  test('a throttled target is left alone for as long as it asked, and the other is asked at once', () => {
    const routing = throttledFor(2_000);
    expect(ask({ primary: [a, b] }, routing).choice?.target).toBe('b/x');
    expect(ask({ primary: [a] }, routing)).toMatchObject({ choice: null, waitMs: 2_000 });
    expect(ask({ primary: [a] }, routing, START + 2_000).choice?.target).toBe('a/x');
  });

  test('a drained target does not answer for one that is throttled for a moment, but for one that is shut', () => {
    const question = { primary: [a, is(b, DRAINED)] };
    expect(ask(question, throttledFor(2_000)).choice).toBe(null);
    expect(ask(question, throttledFor(60_000)).choice?.kind).toBe('last-resort');
  });

  test('nor is a half-open target tried by a retry or along the chain for one that is throttled for a moment, but for one that is shut', () => {
    const questions = [
      { primary: [a, is(b, HALF)], isRetry: true },
      { primary: [a], fallbacks: [is(b, HALF)] },
    ];
    for (const question of questions) {
      expect(ask(question, throttledFor(2_000)).choice).toBe(null);
      expect(ask(question, throttledFor(60_000)).choice).toMatchObject({ target: 'b/x', kind: 'trial' });
    }
  });

  test('three failures in a row seen by this router are enough to leave the target, before any snapshot says so', () => {
    const failed = { outcome: 'server_error', latencyMs: 10 } as const;
    expect(ask({ primary: [a] }, met(failed, 2)).choice?.target).toBe('a/x');
    expect(ask({ primary: [a, b] }, met(failed, 3)).excluded).toEqual([{ target: 'a/x', reason: 'skipped' }]);
    expect(ask({ primary: [a] }, met(failed, 3))).toMatchObject({ choice: null, waitMs: policy.overlaySkipMs });
    expect(ask({ primary: [a] }, met(failed, 3), START + 2_000).choice?.target).toBe('a/x');
  });

  test('a failure that names a time is obeyed like a row of them, up to the limit, and no longer once the breaker has opened', () => {
    const told = (retryAfterMs: number) => met({ outcome: 'overloaded', latencyMs: 10, retryAfterMs });
    expect(ask({ primary: [a, b] }, told(9_000)).excluded).toEqual([{ target: 'a/x', reason: 'skipped' }]);
    expect(ask({ primary: [a] }, told(9_000))).toMatchObject({ choice: null, waitMs: 9_000 });
    expect(ask({ primary: [a] }, told(9_000), START + 9_000).choice?.target).toBe('a/x');
    expect(ask({ primary: [a] }, told(1e12))).toMatchObject({ choice: null, waitMs: policy.failureWaitMaxMs });
    expect(ask({ primary: [is(a, HALF)] }, told(9_000)).choice?.kind).toBe('trial');
    for (const nonsense of [0, -5, Number.NaN])
      expect(ask({ primary: [a] }, told(nonsense)).choice?.target).toBe('a/x');
  });

  test('the wait grows with each parking, up to its limit', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 20].map((parkings) => ask({ primary: [a], ...retry(a), parkings }).waitMs);
    expect(waits).toEqual([250, 400, 800, 1_600, 3_200, 6_400, 8_000, 8_000]);
  });

  test('what was given is left as it was', () => {
    const routing = throttledFor(1_000);
    const before = structuredClone(routing);
    ask({ primary: [a, b] }, routing);
    settle(routing, b.target, { outcome: 'success', latencyMs: 1 }, START, 0.5, policy);
    expect(routing).toEqual(before);
  });
});

describe('a second call to the target that failed', () => {
  const again = (when: 'unanswered' | 'alone', view = a, at = START) => ({ ...retry(a), again: { view, when, at } });

  test('comes before anybody else where the connection was dropped without an answer', () => {
    expect(ask({ primary: [a, b], ...again('unanswered') }).choice).toMatchObject({ target: 'a/x', kind: 'again' });
  });

  test('comes after everybody who is well where it only stumbled', () => {
    const kinds = [{ primary: [a, b] }, { primary: [a], standIns: [b] }, { primary: [a], fallbacks: [b] }];
    for (const route of kinds) expect(ask({ ...route, ...again('alone') }).choice?.target).toBe('b/x');
    const others = [[], [is(b, OPEN)], [is(b, HALF)], [is(b, DRAINED)]];
    for (const rest of others)
      expect(ask({ primary: [a, ...rest], ...again('alone') }).choice).toMatchObject({ target: 'a/x', kind: 'again' });
  });

  test('is paused for, and then decided anew', () => {
    const question = { primary: [a], ...again('alone', a, START + 300) };
    expect(ask(question)).toMatchObject({ choice: null, pauseMs: 300 });
    expect(ask(question, initialRoutingState(), START + 300).choice?.kind).toBe('again');
  });

  test.each([
    ['open', OPEN],
    ['half-open', HALF],
    ['unhealthy', { healthFactor: 0 }],
  ])('is not made when the target is %s by now', (_what, change) => {
    for (const when of ['unanswered', 'alone'] as const) {
      const view = is(a, change);
      expect(ask({ primary: [view, b], ...again(when, view) }).choice?.target).toBe('b/x');
      expect(ask({ primary: [view], ...again(when, view) }).choice?.kind).not.toBe('again');
    }
  });

  test('is not made when this router has seen it fail in a row', () => {
    const routing = met({ outcome: 'server_error', latencyMs: 10 }, policy.overlayFailures);
    expect(ask({ primary: [a], ...again('alone') }, routing).choice).toBeNull();
  });

  test('is made of a pinned target, and of one without a weight', () => {
    expect(ask({ primary: [], pin: a, ...again('alone') }).choice?.kind).toBe('again');
    const drained = is(a, DRAINED);
    expect(ask({ primary: [drained], ...again('alone', drained) }).choice?.kind).toBe('again');
  });
});

test('every failure class says whether its target may be asked once more: after a stumble, or a connection that was dropped', () => {
  const repeatable = FAILURE_CLASSES.filter((failure) => consequenceOf(failure).sameTarget !== null);
  expect(repeatable).toEqual(['server_error', 'connection']);
  expect(consequenceOf('server_error').sameTarget).toEqual({ when: 'alone', afterMs: [100, 500] });
  expect(consequenceOf('connection').sameTarget).toEqual({ when: 'unanswered', afterMs: [0, 0] });
});
