import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choose } from './choose.js';
import type { RouteQuestion } from './decision.js';
import { inMode } from './mode-tiers.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { initialRoutingState, type RoutingState } from './routing-state.js';
import { settle } from './settle.js';
import { START } from './story.fixture.js';
import { initialTargetState } from './target-state.js';
import { viewTarget, type TargetView } from './target-view.js';

const membership: Record<string, string | undefined> = { relay: 'relay', direct: 'direct', both: undefined };

function view(id: string, change: Partial<TargetView> = {}): TargetView {
  const profile = { id, provider: id, tier: 0, weight: 1, maxLatencyMs: 3_000, timeoutMs: 10_000 };
  return { ...viewTarget(initialTargetState(profile, policy), profile, START, policy), ...change };
}

const dead: Partial<TargetView> = { breaker: 'open', available: false, healthy: false, reason: 'consecutive_failures' };
const onTrial: Partial<TargetView> = { breaker: 'half-open', available: false, healthy: false };

/** A first attempt under a mode. */
const questionOf = (
  mode: string,
  views: readonly TargetView[],
  change: Partial<RouteQuestion> = {},
): RouteQuestion => ({
  primary: views.map((one) => inMode(one, { mode: membership[one.target] }, mode)),
  standIns: [],
  fallbacks: [],
  tried: new Set(),
  failedProviders: new Set(),
  isRetry: false,
  ...change,
});

/** Who gets 100 first attempts, one after another, under a mode. */
function firstAttempts(mode: string, views: readonly TargetView[]): Record<string, number> {
  let routing = initialRoutingState();
  const asked: Record<string, number> = {};
  for (let i = 0; i < 100; i++) {
    const question = questionOf(mode, views);
    const decision = choose(question, routing, START + i * 1_000, 0.5, policy);
    routing = decision.routing;
    const target = decision.choice?.target ?? 'nobody';
    asked[target] = (asked[target] ?? 0) + 1;
  }
  return asked;
}

describe('under a mode', () => {
  test('its targets and those of both modes share all first attempts', () => {
    const all = [view('relay'), view('direct'), view('both')];
    expect(firstAttempts('relay', all)).toEqual({ relay: 50, both: 50 });
    expect(firstAttempts('direct', all)).toEqual({ direct: 50, both: 50 });
  });

  test('the other mode answers from the first moment on in which its own targets cannot', () => {
    expect(firstAttempts('relay', [view('relay', dead), view('direct')])).toEqual({ direct: 100 });
  });

  test('one that came back after an outage has its traffic again bit by bit during the ramp, and the other mode the rest', () => {
    const shareOf = (mode: string, ms: number) => {
      const question = questionOf(mode, []);
      const views = [view('relay'), view('direct')];
      const primary = views.map((one) => inMode(one, { mode: membership[one.target] }, mode, START));
      const { shares } = choose({ ...question, primary }, initialRoutingState(), START + ms, 0.5, policy);
      return shares.find(({ target }) => target === mode)?.share;
    };
    for (const mode of ['relay', 'direct']) {
      const shares = [0, 5_000, 10_000, policy.rampMs].map((ms) => shareOf(mode, ms));
      expect(shares[0]).toBeCloseTo(policy.rampFloor * policy.tierOverprovision);
      expect(shares[1]).toBeCloseTo((5_000 / policy.rampMs) * policy.tierOverprovision);
      expect(shares.slice(2)).toEqual([expect.closeTo((10_000 / policy.rampMs) * policy.tierOverprovision), 1]);
    }
  });

  test('no job tries a target of the other mode that is on its way back', () => {
    expect(firstAttempts('direct', [view('relay', onTrial), view('direct')])).toEqual({ direct: 100 });
    expect(firstAttempts('relay', [view('relay', onTrial), view('direct')])).toMatchObject({
      relay: expect.any(Number),
    });
  });

  test('a target on its way back is tried when nobody else is left', () => {
    const asked = firstAttempts('direct', [view('relay', onTrial), view('direct', dead)]);
    expect(asked['relay']).toBe(1); // its one trial slot is never settled here
  });
});

describe('while nobody of the mode in force can be asked soon', () => {
  const ask = (question: RouteQuestion, routing: RoutingState = initialRoutingState(), now = START) =>
    choose(question, routing, now, 0.5, policy);
  const told = ({ choice }: ReturnType<typeof choose>) => (choice ? `${choice.target} ${choice.kind}` : 'wait');
  /** Shut by a 429 for so long. */
  const shut = (id: string, ms: number) => view(id, { blockedUntil: START + ms });
  const LONG = policy.retryAfterWindowMs + 1;

  test.each<[string, TargetView[], Partial<RouteQuestion>, string]>([
    ['blocked for long', [shut('direct', LONG)], {}, 'relay trial'],
    ['over its limit for long', [view('direct')], { limited: new Map([['direct', START + LONG]]) }, 'relay trial'],
    ['blocked for long, and met so by this job', [shut('direct', LONG)], { tried: new Set(['direct']) }, 'relay trial'],
    ['open', [view('direct', dead)], {}, 'relay trial'],
    ['blocked for a moment', [shut('direct', LONG - 1)], {}, 'wait'],
    ['well, but just tried', [view('direct')], { tried: new Set(['direct']) }, 'wait'],
    ['partly well', [shut('direct', LONG), view('both')], {}, 'both primary'],
  ])('%s: a half-open target of the other mode is tried or not: %s', (_what, ofMode, change, expected) => {
    const question = questionOf('direct', [view('relay', onTrial), ...ofMode], change);
    for (const isRetry of [false, true]) expect(told(ask({ ...question, isRetry }))).toBe(expected);
  });

  test('it is asked by one job at a time, and by the next as soon as that one has ended', () => {
    const question = questionOf('direct', [view('relay', onTrial), shut('direct', 60_000)]);
    const first = ask(question);
    expect(told(first)).toBe('relay trial');
    expect(ask(question, first.routing, START + 3_000)).toMatchObject({ choice: null, waitMs: 57_000 });
    const end = { outcome: 'success', latencyMs: 10, trial: true } as const;
    const free = settle(first.routing, 'relay', end, START + 3_000, 0.5, policy);
    expect(told(ask(question, free, START + 3_001))).toBe('relay trial');
  });

  test('a drained target that is well goes before it, and an open or blocked one of the other mode is left alone', () => {
    const others = [shut('direct', 60_000), view('both', { weight: 0 })];
    expect(told(ask(questionOf('direct', [view('relay', onTrial), ...others])))).toBe('both last-resort');
    expect(told(ask(questionOf('direct', [view('relay', dead), shut('direct', 60_000)])))).toBe('wait');
    const blocked = view('relay', { ...onTrial, blockedUntil: START + 60_000 });
    expect(told(ask(questionOf('direct', [blocked, shut('direct', 60_000)])))).toBe('wait');
  });

  test('a switch to the other mode lets its half-open target be tried although the others are free again in a moment', () => {
    const views = [view('relay', onTrial), shut('direct', 1_000)];
    expect(ask(questionOf('direct', views))).toMatchObject({ choice: null, waitMs: 1_000 });
    expect(told(ask(questionOf('relay', views)))).toBe('relay trial');
  });

  test('in any condition of the fleet: no job waits for longer than a moment while a half-open target has its slot free', () => {
    const condition = fc.record({
      breaker: fc.constantFrom('closed' as const, 'open' as const, 'half-open' as const),
      blockedMs: fc.constantFrom(0, LONG - 1, LONG, 60_000),
      weight: fc.constantFrom(0, 1, 5),
      tried: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(condition, { minLength: 3, maxLength: 3 }), fc.boolean(), (list, isRetry) => {
        const ids = ['relay', 'direct', 'both'];
        const views = list.map(({ breaker, weight, blockedMs }, i) =>
          view(ids[i]!, { breaker, weight, blockedUntil: START + blockedMs, reason: 'consecutive_failures' }),
        );
        const tried = new Set(ids.filter((_, i) => list[i]!.tried));
        const { choice, waitMs } = ask(questionOf('direct', views, { tried, isRetry }));
        const slots = list.filter((one) => one.breaker === 'half-open' && one.blockedMs === 0 && !one.tried);
        if (slots.length > 0 && !choice) expect(waitMs).toBeLessThanOrEqual(policy.retryAfterWindowMs);
        if (choice?.kind === 'panic') expect(list.every(({ breaker }) => breaker !== 'closed')).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
