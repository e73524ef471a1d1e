import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choose } from './choose.js';
import type { RouteQuestion } from './decision.js';
import { FAILURE_CLASSES } from './failure.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { initialRoutingState, type RoutingState } from './routing-state.js';
import { settle, type AttemptEnd } from './settle.js';
import { sharesOf } from './shares.js';
import { pickAtRandom } from './smooth-round-robin.js';
import { aView, START } from './story.fixture.js';
import type { TargetView } from './target-view.js';
import { tierShares } from './tiers.js';
import { uniform } from './uniform.fixture.js';

const RUNS = { numRuns: 1_000 };
const draw = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 8 });
const fleetOf = (list: readonly number[]) => list.map((weight, i) => aView(`p${i % 3}/m${i}`, { weight }));
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

/** A target in any condition that a snapshot may show. */
const anyView = (id: number) =>
  fc
    .record({
      breaker: fc.constantFrom('closed' as const, 'closed' as const, 'open' as const, 'half-open' as const),
      weight: fc.constantFrom(0, 1, 5, 100),
      tier: fc.nat(2),
      score: fc.double({ min: 0, max: 100, noNaN: true }),
      healthFactor: fc.constantFrom(0, 0.01, 0.3, 1),
      closedAt: fc.constantFrom(0, START - 3_000),
      lastProbeAt: fc.constantFrom(0, START),
      reason: fc.constantFrom('consecutive_failures' as const, 'auth' as const, 'held_out' as const),
    })
    .map((change) => aView(`p${id % 3}/m${id}`, { ...change, available: change.breaker === 'closed' }));
const anyFleet = fc
  .integer({ min: 1, max: 7 })
  .chain((n) => fc.tuple(...Array.from({ length: n }, (_, i) => anyView(i))));

const anyEnd: fc.Arbitrary<AttemptEnd> = fc.record({
  outcome: fc.constantFrom('success' as const, 'success' as const, ...FAILURE_CLASSES),
  latencyMs: fc.nat(30_000),
  trial: fc.boolean(),
  retryAfterMs: fc.constantFrom(0, 300, 4_000, 90_000),
});
/** A router with a past. */
const anyPast = (fleet: readonly TargetView[]) =>
  fc.array(fc.tuple(fc.nat(fleet.length - 1), anyEnd, fc.nat(2_000)), { maxLength: 30 }).map((ends) => {
    let [routing, now]: [RoutingState, number] = [initialRoutingState(), START - 60_000];
    for (const [i, end, gapMs] of ends)
      routing = settle(routing, fleet[i]?.target ?? '', end, (now += gapMs), 0.5, policy);
    return routing;
  });
const anySituation = anyFleet.chain((fleet) =>
  fc.record({
    fleet: fc.constant(fleet as readonly TargetView[]),
    routing: anyPast(fleet),
    cut: fc.nat(fleet.length),
    tried: fc.subarray([...fleet]),
    draw,
  }),
);

const questionOf = (primary: readonly TargetView[], change: Partial<RouteQuestion> = {}): RouteQuestion => ({
  primary,
  standIns: [],
  fallbacks: [],
  tried: new Set(),
  failedProviders: new Set(),
  isRetry: false,
  ...change,
});
const afterFailing = (tried: readonly TargetView[]): Partial<RouteQuestion> => ({
  isRetry: tried.length > 0,
  tried: new Set(tried.map(({ target }) => target)),
  failedProviders: new Set(tried.map(({ provider }) => provider)),
});

describe('any decision', () => {
  test('it is a target that may be asked, or a wait that ends; shares sum to 1', () => {
    fc.assert(
      fc.property(anySituation, ({ fleet, routing, cut, tried, draw: chance }) => {
        const question = questionOf(fleet.slice(0, cut), { fallbacks: fleet.slice(cut), ...afterFailing(tried) });
        const { choice, waitMs, shares, excluded } = choose(question, routing, START, chance, policy);
        const total = sum(shares.map(({ share }) => share));
        expect(shares.length === 0 || Math.abs(total - 1) < 1e-9).toBe(true);
        if (!choice) {
          expect(waitMs).toBeGreaterThanOrEqual(policy.parkMinMs);
          expect(waitMs).toBeLessThanOrEqual(policy.retryAfterMaxMs * (1 + policy.throttleJitter));
          return;
        }
        expect(waitMs).toBe(0);
        expect(question.tried.has(choice.target)).toBe(false);
        expect(routing.targets[choice.target]?.blockedUntil ?? 0).toBeLessThanOrEqual(START);
        const view = fleet.find(({ target }) => target === choice.target);
        expect(view?.breaker).toBe(choice.kind === 'trial' ? 'half-open' : choice.kind === 'panic' ? 'open' : 'closed');
        if (choice.kind === 'panic' || choice.kind === 'last-resort')
          expect(excluded.map(({ target }) => target)).toContain(choice.target);
        if (choice.kind === 'panic') expect(fleet.every(({ breaker }) => breaker !== 'closed')).toBe(true);
      }),
      RUNS,
    );
  });

  test('a closed, unblocked, untried target with weight is never passed over for a wait', () => {
    fc.assert(
      fc.property(anySituation, ({ fleet, tried, draw: chance }) => {
        const question = questionOf([], { standIns: fleet, ...afterFailing(tried) });
        const free = fleet.filter(
          (view) => view.breaker === 'closed' && view.weight * view.healthFactor > 0 && !tried.includes(view),
        );
        const { choice } = choose(question, initialRoutingState(), START, chance, policy);
        if (free.length > 0) expect(choice).not.toBe(null);
        if (free.length > 0 && choice?.kind !== 'trial')
          expect(free.map(({ target }) => target)).toContain(choice?.target);
      }),
      RUNS,
    );
  });

  test('a retry leaves the failed provider when another can be asked', () => {
    fc.assert(
      fc.property(anySituation, ({ fleet, tried, draw: chance }) => {
        fc.pre(tried.length > 0);
        const question = questionOf(fleet, afterFailing(tried));
        const others = fleet.filter(
          (view) =>
            view.breaker === 'closed' &&
            view.weight * view.healthFactor > 0 &&
            !question.failedProviders.has(view.provider),
        );
        fc.pre(others.length > 0);
        const { choice } = choose(question, initialRoutingState(), START, chance, policy);
        expect(others.map(({ target }) => target)).toContain(choice?.target);
      }),
      RUNS,
    );
  });

  test('with every breaker open a job is still tried or parked, and a target gets one attempt per second', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(300), { minLength: 20, maxLength: 60 }),
        draw,
        (n, gaps, chance) => {
          const fleet = Array.from({ length: n }, (_, i) =>
            aView(`p${i}/m`, { breaker: 'open', available: false, reason: 'consecutive_failures' }),
          );
          let [routing, now] = [initialRoutingState(), START];
          const last = new Map<string, number>();
          for (const gapMs of gaps) {
            const {
              choice,
              routing: next,
              waitMs,
            } = choose(questionOf(fleet), routing, (now += gapMs), chance, policy);
            routing = next;
            expect(choice !== null || waitMs > 0).toBe(true);
            if (!choice) continue;
            expect(now - (last.get(choice.target) ?? 0)).toBeGreaterThanOrEqual(policy.panicGapMs);
            last.set(choice.target, now);
          }
          expect(last.size).toBe(n);
        },
      ),
      RUNS,
    );
  });
});

describe('shares', () => {
  test('all well: exactly the configured weights', () => {
    fc.assert(
      fc.property(weights, (list) => {
        const { shares } = choose(questionOf(fleetOf(list)), initialRoutingState(), START, 0.5, policy);
        for (const [i, { share }] of shares.entries()) expect(share).toBeCloseTo((list[i] ?? 0) / sum(list), 12);
      }),
      RUNS,
    );
  });

  test('effective shares sum to 1 over any tiers and factors, and are 0 only where nothing is left', () => {
    const weighted = fc
      .record({ tier: fc.nat(3), weight: fc.nat(100), factor: fc.double({ min: 0, max: 1, noNaN: true }) })
      .map(({ tier, weight, factor }) => ({ tier, weight, effective: weight * (factor < 1e-6 ? 0 : factor) }));
    fc.assert(
      fc.property(fc.array(weighted, { maxLength: 50 }), (alternatives) => {
        const shares = sharesOf(alternatives, policy);
        const expected = alternatives.some(({ effective }) => effective > 0) ? 1 : 0;
        expect(sum(shares)).toBeCloseTo(expected, 9);
        expect(shares.every((share, i) => share >= 0 && (share === 0 || (alternatives[i]?.effective ?? 0) > 0))).toBe(
          true,
        );
      }),
      RUNS,
    );
  });

  test.each([
    [
      [0.5, 1],
      [0.7, 0.3],
    ],
    [
      [0.72, 0.72],
      [1, 0],
    ],
    [
      [0.25, 1],
      [0.35, 0.65],
    ],
    [
      [0.25, 0.25],
      [0.5, 0.5],
    ],
    [
      [0.25, 0.25, 0.2],
      [0.3571, 0.3571, 0.2857],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ])('tiers of health %j take %j', (health, expected) => {
    for (const [i, share] of tierShares(health, 1.4).entries()) expect(share).toBeCloseTo(expected[i] ?? -1, 4);
  });

  test('tier shares sum to 1', () => {
    const part = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (health) => {
        expect(sum(tierShares(health, 1.4))).toBeCloseTo(1, 9);
      }),
      RUNS,
    );
  });

  test('after any number of picks in turn every target is within two of its share', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 120 }), (list, picks) => {
        const fleet = fleetOf(list);
        const counts = new Map<string, number>();
        let routing = initialRoutingState();
        for (let i = 0; i < picks; i++) {
          const decision = choose(questionOf(fleet), routing, START + i, 0.5, policy);
          routing = decision.routing;
          const target = decision.choice?.target ?? '';
          counts.set(target, (counts.get(target) ?? 0) + 1);
        }
        for (const { target, weight } of fleet)
          expect(Math.abs((counts.get(target) ?? 0) - (picks * weight) / sum(list))).toBeLessThanOrEqual(2);
      }),
      RUNS,
    );
  });

  test('frequencies of random picks agree with the weights (chi-square, 5 degrees of freedom, level 1e-6)', () => {
    const six = fc.array(fc.integer({ min: 20, max: 100 }), { minLength: 6, maxLength: 6 });
    const picks = 1_000;
    fc.assert(
      fc.property(six, fc.integer(), (list, seed) => {
        const shares = list.map((weight) => weight / sum(list));
        const counts = list.map(() => 0);
        const random = uniform(seed);
        for (let n = 0; n < picks; n++) {
          const i = pickAtRandom(shares, random());
          counts[i] = (counts[i] ?? 0) + 1;
        }
        const expected = shares.map((share) => share * picks);
        const chiSquare = sum(counts.map((count, i) => (count - (expected[i] ?? 0)) ** 2 / (expected[i] ?? 1)));
        expect(chiSquare).toBeLessThan(35.9);
      }),
      { numRuns: 1_000, seed: 29 },
    );
  });

  test('a retry draws by the same shares', () => {
    const fleet = fleetOf([1, 3]);
    const first = (chance: number) =>
      choose(questionOf(fleet, { isRetry: true }), initialRoutingState(), START, chance, policy).choice?.target;
    expect([0, 0.2499, 0.25, 0.9999].map(first)).toEqual(['p0/m0', 'p0/m0', 'p1/m1', 'p1/m1']);
  });
});

describe('what a router learns by itself', () => {
  test('after a 429 nothing is sent there before Retry-After is over', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120_000 }),
        fc.nat(120_000),
        draw,
        fc.boolean(),
        (retryAfterMs, laterMs, chance, isRetry) => {
          fc.pre(laterMs < retryAfterMs);
          const end = { outcome: 'rate_limited', latencyMs: 10, retryAfterMs } as const;
          const routing = settle(initialRoutingState(), 'a/x', end, START, chance, policy);
          for (const breaker of ['closed', 'open', 'half-open'] as const)
            for (const list of ['primary', 'fallbacks', 'standIns'] as const) {
              const question = { ...questionOf([]), isRetry, [list]: [aView('a/x', { breaker })] };
              expect(choose(question, routing, START + laterMs, chance, policy).choice).toBe(null);
            }
        },
      ),
      RUNS,
    );
  });

  test('the learned rate grows by successes only, is cut at most once a second, and has a floor', () => {
    const calls = fc.array(fc.constantFrom('success' as const, 'rate_limited' as const, 'server_error' as const), {
      maxLength: 120,
    });
    fc.assert(
      fc.property(calls, fc.integer({ min: 20, max: 1_500 }), (outcomes, gapMs) => {
        let [routing, now, cutAt] = [initialRoutingState(), START, 0];
        for (const outcome of outcomes) {
          now += gapMs;
          const before = routing.targets['a/x']?.ratePerSecond ?? Infinity;
          routing = settle(routing, 'a/x', { outcome, latencyMs: 10 }, now, 0.5, policy);
          const after = routing.targets['a/x']?.ratePerSecond ?? Infinity;
          expect(after).toBeGreaterThanOrEqual(policy.rateFloorPerSecond);
          if (outcome === 'server_error') expect(after).toBe(before);
          if (outcome === 'success') expect(after).toBeGreaterThanOrEqual(before);
          if (after >= before) continue;
          expect(outcome).toBe('rate_limited');
          expect(now - cutAt).toBeGreaterThanOrEqual(policy.rateCutGapMs);
          cutAt = now;
        }
      }),
      RUNS,
    );
  });

  test('429s without a success between them cut the rate once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1_000, max: 30_000 }), { minLength: 1, maxLength: 20 }), (gaps) => {
        const throttled = { outcome: 'rate_limited', latencyMs: 10 } as const;
        const sent = [...Array(40).keys()].reduce(
          (state, i) => choose(questionOf([aView('a/x')]), state, START + i * 50, 0.5, policy).routing,
          initialRoutingState(),
        );
        let [routing, now] = [settle(sent, 'a/x', throttled, START + 2_000, 0.5, policy), START + 2_000];
        const cut = routing.targets['a/x']?.ratePerSecond;
        expect(cut).toBeGreaterThan(policy.rateFloorPerSecond);
        for (const gapMs of gaps) routing = settle(routing, 'a/x', throttled, (now += gapMs), 0.5, policy);
        expect(routing.targets['a/x']?.ratePerSecond).toBe(cut);
        const answered = settle(routing, 'a/x', { outcome: 'success', latencyMs: 5 }, (now += 2_000), 0.5, policy);
        const again = settle(answered, 'a/x', throttled, now + 1_000, 0.5, policy);
        expect(again.targets['a/x']?.ratePerSecond).toBeLessThan(cut ?? 0);
      }),
      RUNS,
    );
  });

  test('a trial that ends in any way frees its slot', () => {
    fc.assert(
      fc.property(anyEnd, draw, (end, chance) => {
        const half = aView('a/x', { breaker: 'half-open', available: false });
        const trial = choose(questionOf([half]), initialRoutingState(), START, chance, policy);
        expect(trial.choice?.kind).toBe('trial');
        expect(choose(questionOf([half]), trial.routing, START + 3_000, chance, policy).choice).toBe(null);
        const over = settle(trial.routing, 'a/x', { ...end, trial: true }, START + 10, chance, policy);
        const later = START + 200_000;
        expect(choose(questionOf([half]), over, later, chance, policy).choice?.kind).toBe('trial');
      }),
      RUNS,
    );
  });

  test('the state survives being stored as JSON', () => {
    fc.assert(
      fc.property(anySituation, ({ fleet, routing, draw: chance }) => {
        const stored = JSON.parse(JSON.stringify(routing)) as RoutingState;
        const decide = (from: RoutingState) => choose(questionOf(fleet), from, START, chance, policy);
        expect(decide(stored)).toEqual(decide(routing));
      }),
      RUNS,
    );
  });
});
