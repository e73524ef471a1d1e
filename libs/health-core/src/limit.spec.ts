import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choose } from './choose.js';
import type { RouteQuestion } from './decision.js';
import { learnLimit, learnPlaceFreed, type LimitAnswer } from './limit.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { initialRoutingState, type RoutingState } from './routing-state.js';
import { settle } from './settle.js';
import { aView, START } from './story.fixture.js';

const [a, b] = [aView('a/x'), aView('b/x')];
const ask = (change: Partial<RouteQuestion>, routing: RoutingState = initialRoutingState(), now = START) =>
  choose(
    {
      primary: [],
      standIns: [],
      fallbacks: [],
      tried: new Set(),
      failedProviders: new Set(),
      isRetry: false,
      ...change,
    },
    routing,
    now,
    0.5,
    policy,
  );
const refused = (waitMs: number): LimitAnswer => ({ granted: false, room: 0, waitMs });
/** A router whose call to `a` got this answer. */
const heard = (answer: LimitAnswer, question: Partial<RouteQuestion> = { primary: [a] }) => {
  const { choice, routing } = ask(question);
  return learnLimit(routing, choice!, answer, START);
};

describe('a target that is over the limit of the fleet', () => {
  test('is no alternative until it may have a place, and the job goes elsewhere', () => {
    const decision = ask({ primary: [a, b] }, heard(refused(5_000)));
    expect(decision.choice?.target).toBe('b/x');
    expect(decision.excluded).toEqual([{ target: 'a/x', reason: 'limited' }]);
  });

  test.each([
    ['as the only one', { primary: [a] }],
    ['pinned', { primary: [a], pin: a }],
    ['preferred', { primary: [], preferred: a }],
    ['half-open', { primary: [aView('a/x', { breaker: 'half-open', available: false })] }],
    ['open, with nobody else', { primary: [aView('a/x', { breaker: 'open', available: false })] }],
    ['as a fallback', { fallbacks: [a] }],
  ])('is not asked before: %s', (_how, question) => {
    const routing = heard(refused(5_000), question);
    expect(ask(question, routing, START + 4_999).choice).toBe(null);
    expect(ask(question, routing, START + 5_000).choice?.target).toBe('a/x');
  });

  test('lets the job wait exactly until then', () => {
    expect(ask({ primary: [a] }, heard(refused(5_000)))).toMatchObject({ choice: null, waitMs: 5_000 });
  });

  test('is asked by one call then, not by all that waited for it', () => {
    const routing = heard(refused(5_000));
    const first = ask({ primary: [a] }, routing, START + 5_000);
    expect(first.choice?.target).toBe('a/x');
    expect(ask({ primary: [a] }, first.routing, START + 5_001).choice).toBe(null);
    const room: LimitAnswer = { granted: true, room: 2, waitMs: 0 };
    let state = learnLimit(first.routing, first.choice!, room, START + 5_002);
    const chosen = [1, 2, 3].map((i) => {
      const { choice, routing: next } = ask({ primary: [a] }, state, START + 5_002 + i);
      state = next;
      return choice?.target;
    });
    expect(chosen).toEqual(['a/x', 'a/x', undefined]);
  });

  test('is asked again at once when calls under way have ended, by as many', () => {
    let state = learnPlaceFreed(learnPlaceFreed(heard(refused(5_000)), 'a/x', START + 10), 'a/x', START + 10);
    const chosen = [1, 2, 3].map(() => {
      const { choice, routing } = ask({ primary: [a] }, state, START + 10);
      state = routing;
      return choice?.target;
    });
    expect(chosen).toEqual(['a/x', 'a/x', undefined]);
  });

  test('gets back what the refused call had taken: its trial, its turn in a panic, its part of the rate', () => {
    const half = { primary: [aView('a/x', { breaker: 'half-open', available: false })] };
    expect(ask(half, heard(refused(100), half), START + 100).choice?.kind).toBe('trial');
    const open = { primary: [aView('a/x', { breaker: 'open', available: false, lastProbeAt: START })] };
    expect(ask(open, heard(refused(100), open), START + 100).choice?.kind).toBe('panic');
    const throttled = settle(initialRoutingState(), 'a/x', { outcome: 'rate_limited', latencyMs: 1 }, START, 0, policy);
    const sent = ask({ primary: [a] }, throttled, START + 10_000);
    const back = learnLimit(sent.routing, sent.choice!, refused(0), START + 10_000);
    expect(back.targets['a/x']).toMatchObject({ sent: 0, tokens: sent.routing.targets['a/x']!.tokens + 1 });
  });

  test('is nobody’s fault: no failure is counted, and nothing is blocked', () => {
    const before = initialRoutingState();
    const { choice, routing } = ask({ primary: [a] }, before);
    expect(learnLimit(routing, choice!, refused(900), START).targets['a/x']).toMatchObject({
      consecutiveFailures: 0,
      blockedUntil: 0,
      throttles: 0,
      skipUntil: 0,
    });
  });
});

describe('a job that is too large for the room that is left', () => {
  const large = { limited: new Map([['a/x', START + 30_000]]) };

  test('goes elsewhere, and smaller ones go on', () => {
    const routing = heard(refused(0), { primary: [a, b] });
    const elsewhere = ask({ primary: [a, b], ...large }, routing);
    expect(elsewhere.choice?.target).toBe('b/x');
    expect(ask({ primary: [a] }, elsewhere.routing).choice?.target).toBe('a/x');
  });

  test('keeps the places for itself when it has nowhere else to go, so that it is not overtaken for ever', () => {
    const waiting = ask({ primary: [a], ...large }, heard(refused(0)));
    expect(waiting).toMatchObject({ choice: null, waitMs: 30_000 });
    expect(ask({ primary: [a] }, waiting.routing, START + 29_999).choice).toBe(null);
    expect(ask({ primary: [a] }, waiting.routing, START + 30_000).choice?.target).toBe('a/x');
  });
});

test('whatever the limit answers, a refused target is left alone for as long as it said, and never for longer', () => {
  const answer = fc.record({ granted: fc.boolean(), room: fc.nat(3), waitMs: fc.integer({ min: 1, max: 62_000 }) });
  fc.assert(
    fc.property(fc.array(fc.tuple(answer, fc.nat(5_000)), { maxLength: 30 }), fc.nat(62_000), (answers, laterMs) => {
      let [routing, now] = [initialRoutingState(), START];
      for (const [one, gapMs] of answers) {
        now += gapMs;
        const decision = ask({ primary: [a] }, routing, now);
        routing = decision.routing;
        if (decision.choice) routing = learnLimit(routing, decision.choice, one, now);
      }
      const { limitedUntil = 0 } = routing.targets['a/x'] ?? {};
      const { choice, waitMs } = ask({ primary: [a] }, routing, now + laterMs);
      expect(choice === null).toBe(limitedUntil > now + laterMs);
      if (!choice) expect(waitMs).toBeLessThanOrEqual(Math.max(62_000, policy.parkMinMs));
      expect(ask({ primary: [a] }, routing, now + 62_000).choice?.target).toBe('a/x');
    }),
  );
});
