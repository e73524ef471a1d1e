import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choose } from './choose.js';
import { DEFAULT_POLICY, type HealthPolicy } from './policy.js';
import { initialRoutingState } from './routing-state.js';
import { aView, observationOf, PROFILE, START, tell } from './story.fixture.js';
import { initialTargetState, type TargetState } from './target-state.js';
import { viewTarget } from './target-view.js';
import { transition } from './transition.js';

const fresh = () => initialTargetState(PROFILE, DEFAULT_POLICY);
const after429 = (
  retryAfterMs?: number,
  policy: HealthPolicy = DEFAULT_POLICY,
  state: TargetState = fresh(),
  now = START,
) =>
  transition(
    state,
    {
      type: 'observed',
      observation: observationOf({ outcome: 'rate_limited', ...(retryAfterMs !== undefined && { retryAfterMs }) }),
      now,
      draw: 0.5,
    },
    PROFILE,
    policy,
  );

describe('a 429 that speaks of the account', () => {
  const seen = (scope: 'key' | undefined) =>
    transition(
      fresh(),
      {
        type: 'observed',
        observation: observationOf({
          outcome: 'rate_limited',
          retryAfterMs: 9_000,
          latencyMs: 100,
          ...(scope && { scope }),
        }),
        now: START,
        draw: 0.5,
      },
      PROFILE,
      DEFAULT_POLICY,
    )[1];
  const block = { type: 'sibling-blocked', since: START - 100, until: START + 9_000 } as const;
  const afterBlock = (state: TargetState, now: number) => transition(state, { ...block, now }, PROFILE, DEFAULT_POLICY);

  test('is to be told to the siblings, and no other is', () => {
    expect(seen('key')).toMatchObject([{ type: 'blocked', account: { since: START - 100, until: START + 9_000 } }]);
    expect(seen(undefined)).toMatchObject([{ type: 'blocked', account: null }]);
  });

  test('closes a sibling for as long, and is told once', () => {
    const [state, effects] = afterBlock(fresh(), START);
    expect(state.blockedUntil).toBe(START + 9_000);
    expect(effects).toEqual([]);
    expect(state).toMatchObject({ failures: 0, breaker: { phase: 'closed' } });
  });

  test('does not concern a sibling that has answered since, nor shorten a longer block of its own', () => {
    const { state, now } = tell('ok');
    expect(afterBlock(state, now)[0].blockedUntil).toBe(0);
    expect(afterBlock({ ...fresh(), blockedUntil: START + 60_000 }, START)[0].blockedUntil).toBe(START + 60_000);
  });
});

describe('a 429', () => {
  test.each<[string, number | undefined, number, number]>([
    ['that names five seconds closes a window for everybody', 5_000, 5_000, 5_000],
    ['that names less stays with the router that met it', 4_999, 5_000, 0],
    ['that names nothing stays there too', undefined, 5_000, 0],
    ['that names hours counts for two minutes', 7_200_000, 5_000, 120_000],
    ['of any length is shared when the policy says so', 300, 0, 300],
    ['without a time is shared then for the shortest block', undefined, 0, 500],
    ['is never shared when the policy says so', 86_400_000, 2_592_000_000, 0],
    ['with a time that makes no sense closes nothing', Number.NaN, 5_000, 0],
  ])('%s', (_guarantee, retryAfterMs, shareBlocksFromMs, forMs) => {
    const [state, effects] = after429(retryAfterMs, { ...DEFAULT_POLICY, shareBlocksFromMs });
    expect(Math.max(0, state.blockedUntil - START)).toBe(forMs);
    expect(effects.map(({ type }) => type)).toEqual(forMs > 0 ? ['blocked'] : []);
  });

  test('of a burst is told once, and the longest counts', () => {
    const [first] = after429(10_000);
    const [second, effects] = after429(10_000, DEFAULT_POLICY, first, START + 100);
    expect(second.blockedUntil).toBe(START + 10_100);
    expect(effects).toEqual([]);
    expect(after429(6_000, DEFAULT_POLICY, second, START + 200)[0].blockedUntil).toBe(START + 10_100);
    expect(after429(30_000, DEFAULT_POLICY, second, START + 200)[1]).toMatchObject([
      { type: 'blocked', forMs: 30_000 },
    ]);
  });

  test('says nothing about health, whatever it names', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), fc.nat(200_000), (retryAfterMs, shareBlocksFromMs) => {
        const { state, now } = tell('ok fail ok fail fail');
        const policy = { ...DEFAULT_POLICY, shareBlocksFromMs };
        const [next] = after429(retryAfterMs, policy, state, now + 500);
        const { blockedUntil, lastCheckAt: _, foldedAt: __, ...rest } = next;
        expect(state).toMatchObject(rest);
        expect(blockedUntil - now - 500).toBeLessThanOrEqual(policy.retryAfterMaxMs);
      }),
    );
  });

  test('seen by a clock that is set back does not shut the target for longer', () => {
    const [state] = after429(10_000);
    const [back] = transition(state, { type: 'ticked', now: START - 3_600_000, draw: 0 }, PROFILE, DEFAULT_POLICY);
    expect(back.blockedUntil).toBe(START - 3_600_000 + 10_000);
  });
});

describe('a router that hears of a closed window', () => {
  const blocked = aView('a/x', { blockedUntil: START + 5_000 });
  const well = aView('b/x');
  const at = (now: number, ...primary: (typeof well)[]) =>
    choose(
      { primary, standIns: [], fallbacks: [], tried: new Set(), failedProviders: new Set(), isRetry: false },
      initialRoutingState(),
      now,
      0.5,
      DEFAULT_POLICY,
    );

  test('leaves the target alone until it ends, goes elsewhere meanwhile, and says why', () => {
    expect(at(START + 4_999, blocked)).toMatchObject({
      choice: null,
      excluded: [{ target: 'a/x', reason: 'blocked' }],
    });
    expect(at(START, blocked).waitMs).toBe(5_000);
    expect(at(START, blocked, well).choice?.target).toBe('b/x');
    expect(at(START + 5_000, blocked).choice?.target).toBe('a/x');
  });

  test('gives it back its share bit by bit', () => {
    const shareAt = (ms: number) => at(START + ms, blocked, well).shares.find(({ target }) => target === 'a/x')?.share;
    expect(shareAt(5_000)).toBeCloseTo(0.1 / 1.1);
    expect(shareAt(12_500)).toBeCloseTo(0.5 / 1.5);
    expect(shareAt(20_000)).toBeCloseTo(0.5);
  });

  test('lets one call find out whether it is open, and then twice as many each half second', () => {
    let state = initialRoutingState();
    const sentBy = (ms: number) => {
      let sent = 0;
      for (;;) {
        const question = { primary: [blocked], standIns: [], fallbacks: [], tried: new Set<string>() };
        const job = { ...question, failedProviders: new Set<string>(), isRetry: false };
        const { choice, routing, waitMs } = choose(job, state, START + 5_000 + ms, 0.5, DEFAULT_POLICY);
        state = routing;
        if (!choice && sent === 0) expect(waitMs).toBeGreaterThan(0);
        if (!choice || sent >= 10_000) return sent;
        sent++;
      }
    };
    expect([0, 499, 500, 1_000, 1_500, 2_000].map(sentBy)).toEqual([1, 0, 1, 2, 4, 8]);
    expect(sentBy(15_000)).toBe(10_000);
  });

  test('asks it in no other way either: no trial, no panic, no pin', () => {
    for (const breaker of ['open', 'half-open'] as const)
      expect(at(START, { ...blocked, breaker, available: false }).choice).toBe(null);
    const pinned = {
      primary: [],
      standIns: [],
      fallbacks: [],
      tried: new Set<string>(),
      failedProviders: new Set<string>(),
    };
    const question = { ...pinned, pin: blocked, isRetry: false };
    expect(choose(question, initialRoutingState(), START, 0.5, DEFAULT_POLICY).choice).toBe(null);
  });
});

test('the window stands in the view of the target', () => {
  const [state] = after429(8_000);
  expect(viewTarget(state, PROFILE, START, DEFAULT_POLICY).blockedUntil).toBe(START + 8_000);
});
