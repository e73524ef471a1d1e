import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { articleScore } from './article-score.js';
import { assess } from './assessment.js';
import { FAILURE_CLASSES, consequenceOf } from './failure.js';
import type { HealthEvent } from './health-event.js';
import { latencyTerm } from './latency.js';
import { DEFAULT_POLICY as policy, type HealthPolicy } from './policy.js';
import { adaptiveScore } from './score.js';
import { observationOf, PROFILE, START, tell, viewOf } from './story.fixture.js';
import { successEstimate } from './success.js';
import { initialTargetState, type TargetState } from './target-state.js';
import { transition } from './transition.js';

const RUNS = { numRuns: 1_000 };
const article: HealthPolicy = { ...policy, scoring: 'article' };

const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const draw = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const outcome = fc.oneof(
  { weight: 3, arbitrary: fc.constant('success' as const) },
  { weight: 2, arbitrary: fc.constantFrom(...FAILURE_CLASSES) },
);
/** Anything that can be observed, and some things that cannot. */
const anyNumber = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: 0, max: 60_000, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 1e300) },
);
const observed = fc
  .record({
    source: fc.constantFrom('probe' as const, 'traffic' as const),
    outcome,
    latencyMs: anyNumber,
    at: anyNumber,
    trial: fc.boolean(),
    panic: fc.boolean(),
    firstTokenMs: fc.option(anyNumber, { nil: undefined }),
    generation: fc.option(fc.nat(12), { nil: undefined }),
  })
  .map(({ firstTokenMs, generation, ...rest }) =>
    observationOf({
      ...rest,
      ...(firstTokenMs !== undefined && { firstTokenMs }),
      ...(generation !== undefined && { generation }),
    }),
  );
/** An event and how long after the one before; now and then the clock goes back by an hour. */
const step = fc.record({
  gapMs: fc.oneof({ weight: 30, arbitrary: fc.nat(20_000) }, { weight: 1, arbitrary: fc.constant(-3_600_000) }),
  draw,
  what: fc.oneof(
    { weight: 10, arbitrary: observed },
    { weight: 3, arbitrary: fc.constant('ticked' as const) },
    { weight: 1, arbitrary: fc.constantFrom('sibling-opened' as const, 'held-out' as const, 'released' as const) },
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const history = fc.array(step, { maxLength: 60 });

function eventOf({ what }: Step, now: number, chance: number): HealthEvent {
  if (typeof what === 'object') return { type: 'observed', observation: what, now, draw: chance };
  if (what === 'ticked') return { type: what, now, draw: chance };
  return what === 'held-out' ? { type: what, now, reason: 'maintenance' } : { type: what, now };
}

function live(steps: readonly Step[], rules: HealthPolicy = policy, from = initialTargetState(PROFILE, rules)) {
  let [state, now] = [from, START];
  for (const one of steps) {
    now += one.gapMs;
    [state] = transition(state, eventOf(one, now, one.draw), PROFILE, rules);
  }
  return { state, now, effects: [] };
}

const observe = (
  state: TargetState,
  change: Parameters<typeof observationOf>[0],
  now: number,
  rules = policy,
  chance = 0.5,
) => transition(state, { type: 'observed', observation: observationOf(change), now, draw: chance }, PROFILE, rules)[0];

/** The breaker without the time of the last probe, which is no judgement. */
const judgement = ({ breaker, success }: TargetState) => ({ breaker: { ...breaker, lastProbeAt: 0 }, success });

const numbersIn = (value: unknown): number[] =>
  typeof value === 'number'
    ? [value]
    : value && typeof value === 'object'
      ? Object.values(value).flatMap(numbersIn)
      : [];

describe('whatever happens', () => {
  test('the score stays in 0–100, the estimate in (0, 1), and no number breaks', () => {
    fc.assert(
      fc.property(history, fc.boolean(), (steps, isArticle) => {
        const rules = isArticle ? article : policy;
        const told = live(steps, rules);
        const { score, healthFactor } = viewOf(told, rules);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100);
        expect(healthFactor).toBeGreaterThanOrEqual(0);
        expect(healthFactor).toBeLessThanOrEqual(1);
        const p = successEstimate(told.state.success, policy);
        expect(p > 0 && p < 1).toBe(true);
        expect(numbersIn(told.state).filter((n) => !Number.isFinite(n) || n < -1e6)).toEqual([]);
      }),
      RUNS,
    );
  });

  test('no time of the state lies in the future, but the end of an ejection, and that by no more than its longest', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { state, now } = live(steps);
        const { openUntil, ...breaker } = state.breaker;
        const times = [
          breaker.changedAt,
          breaker.closedAt,
          breaker.lastProbeAt,
          breaker.lastTrialAt,
          breaker.siblingOpenedAt,
        ];
        for (const time of [
          ...times,
          breaker.forgivenAt,
          state.success.agedAt,
          state.latency.sampledAt,
          state.lastCheckAt,
        ])
          expect(time).toBeLessThanOrEqual(now);
        expect(openUntil - now).toBeLessThanOrEqual(policy.openMaxMs * (1 + policy.openJitter));
      }),
      RUNS,
    );
  });

  test('the same events give the same state, also when it is stored as JSON halfway', () => {
    fc.assert(
      fc.property(history, history, (first, second) => {
        const halfway = live(first).state;
        const stored = JSON.parse(JSON.stringify(halfway)) as TargetState;
        expect(live(second, policy, stored)).toEqual(live(second, policy, halfway));
      }),
      RUNS,
    );
  });

  test('the state does not grow', () => {
    // Every number at its longest, and the text that a reporter may send.
    const bound = 1_500;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 20 }), (steps) => {
        let state = initialTargetState(PROFILE, policy);
        for (let round = 0; round < 10; round++) {
          state = live(steps, policy, state).state;
          expect(JSON.stringify(state).length).toBeLessThan(bound);
        }
      }),
      RUNS,
    );
  });

  test('a success raises the estimate and a failure lowers it', () => {
    fc.assert(
      fc.property(history, fc.boolean(), (steps, isGood) => {
        const { state, now } = live(steps);
        const { generation } = state.breaker;
        // Aged to the present by the first, so that the second shows the outcome alone.
        const aged = observe(state, { generation }, now);
        fc.pre(aged.breaker.generation === generation);
        const after = observe(aged, { generation, outcome: isGood ? 'success' : 'server_error' }, now);
        fc.pre(after.breaker.generation === generation);
        const change = successEstimate(after.success, policy) - successEstimate(aged.success, policy);
        expect(isGood ? change > 0 : change < 0).toBe(true);
      }),
      RUNS,
    );
  });

  test('what says nothing about the target changes neither estimate nor breaker', () => {
    const silent = FAILURE_CLASSES.filter((failure) => ['none', 'throttle'].includes(consequenceOf(failure).health));
    fc.assert(
      fc.property(history, fc.constantFrom(...silent), fc.boolean(), (steps, quiet, isProbe) => {
        const { state, now } = live(steps);
        const source = isProbe ? ('probe' as const) : ('traffic' as const);
        const generation = state.breaker.generation;
        const after = observe(state, { outcome: quiet, source, trial: true, firstTokenMs: 800, generation }, now);
        expect(judgement(after)).toEqual(judgement(state));
      }),
      RUNS,
    );
  });

  test('news of an older generation only counts', () => {
    fc.assert(
      fc.property(history, observed, (steps, observation) => {
        const { state, now } = live(steps);
        fc.pre(state.breaker.generation > 0);
        const late = { ...observation, generation: state.breaker.generation - 1 };
        const [after] = transition(state, { type: 'observed', observation: late, now, draw: 0.5 }, PROFILE, policy);
        for (const part of ['success', 'latency', 'breaker'] as const) expect(after[part]).toEqual(state[part]);
      }),
      RUNS,
    );
  });

  test('a minute of one success per second brings the estimate of a closed target above 0.9', () => {
    fc.assert(
      fc.property(history, (steps) => {
        let { state, now } = live(steps);
        fc.pre(state.breaker.phase === 'closed');
        const { generation } = state.breaker;
        for (let second = 0; second < 60; second++) state = observe(state, { generation }, (now += 1_000));
        expect(successEstimate(state.success, policy)).toBeGreaterThan(0.9);
      }),
      RUNS,
    );
  });
});

describe('formulas', () => {
  test('the score does not rise with latency, nor fall with success', () => {
    fc.assert(
      fc.property(ratio, ratio, fc.nat(20_000), fc.nat(20_000), fc.boolean(), (p, q, x, y, isArticle) => {
        const score = (success: number, ms: number) =>
          isArticle
            ? articleScore(ms, success)
            : adaptiveScore(success, latencyTerm(ms, 2_000, 10_000, policy), policy);
        const [worse, better] = [Math.min(p, q), Math.max(p, q)];
        const [fast, slow] = [Math.min(x, y), Math.max(x, y)];
        expect(score(worse, fast)).toBeLessThanOrEqual(score(better, fast) + 1e-9);
        expect(score(better, slow)).toBeLessThanOrEqual(score(better, fast) + 1e-9);
      }),
      RUNS,
    );
  });

  test("the article's latency term is the general one with nothing usual, no tolerance and 500 ms at most", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 3_000, noNaN: true }), ratio, (ms, success) => {
        const term = latencyTerm(ms, 0, 500, { ...policy, latencyTolerance: 1 });
        expect(30 * term + 70 * success).toBeCloseTo(articleScore(ms, success), 9);
      }),
      RUNS,
    );
  });

  test('the article profile is what the article computes, on any log of probes', () => {
    const probe = fc.record({ ok: fc.boolean(), ms: fc.nat(3_000) });
    fc.assert(
      fc.property(fc.array(probe, { maxLength: 80 }), (log) => {
        // The article's class, line by line; its uncounted timeouts are the one fault that is not reproduced.
        const model = { latency: 0, total: 0, failed: 0, consecutive: 0, available: true };
        let [state, now] = [initialTargetState(PROFILE, article), START];
        for (const { ok, ms } of log) {
          model.total += 1;
          if (ok) Object.assign(model, { latency: ms, consecutive: 0, available: true });
          else {
            model.failed += 1;
            model.consecutive += 1;
            if (model.consecutive >= 5) model.available = false;
          }
          const outcome = ok ? ('success' as const) : ('server_error' as const);
          state = observe(state, { source: 'probe', outcome, latencyMs: ms }, (now += 30_000), article);
        }
        const success = model.total === 0 ? 1 : (model.total - model.failed) / model.total;
        const score = 0.3 * Math.max(0, 100 - model.latency / 5) + 0.7 * success * 100;
        const given = assess(state, PROFILE, article);
        expect(given.score).toBeCloseTo(score, 9);
        expect(given.breaker).toBe(model.available ? 'closed' : 'open');
        expect(given.condition === 'healthy').toBe(model.available && given.score > 50);
      }),
      RUNS,
    );
  });
});

describe('breaker', () => {
  test('it opens at the fifth failure in a row and never before', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 100 }), (calls) => {
        let [state, now, row] = [initialTargetState(PROFILE, policy), START, 0];
        for (const ok of calls) {
          state = observe(state, { outcome: ok ? 'success' : 'timeout', generation: 0 }, (now += 100));
          row = ok ? 0 : row + 1;
          expect(state.breaker.phase).toBe(row >= 5 ? 'open' : 'closed');
          if (row >= 5) return;
        }
      }),
      RUNS,
    );
  });

  test('the n-th ejection in a row lasts 5 s × 2^(n−1), two minutes at most, give or take a fifth', () => {
    fc.assert(
      fc.property(fc.nat(14), draw, (before, chance) => {
        const fresh = initialTargetState(PROFILE, policy);
        const state = { ...fresh, foldedAt: START, breaker: { ...fresh.breaker, openings: before, forgivenAt: START } };
        const { breaker } = observe(state, { outcome: 'quota' }, START, policy, chance);
        const ms = Math.min(5_000 * 2 ** before, 120_000);
        expect(breaker.openUntil - START).toBeGreaterThanOrEqual(ms * 0.8 - 1e-3);
        expect(breaker.openUntil - START).toBeLessThanOrEqual(ms * 1.2 + 1e-3);
      }),
      RUNS,
    );
  });

  test('half-open never comes before its time, and with a live prober only after two good probes', () => {
    fc.assert(
      fc.property(history, (steps) => {
        let [state, now] = [initialTargetState(PROFILE, policy), START];
        for (const one of steps.filter(({ gapMs }) => gapMs >= 0)) {
          now += one.gapMs;
          const before = state.breaker;
          const wasPanic = typeof one.what === 'object' && one.what.panic && one.what.outcome === 'success';
          [state] = transition(state, eventOf(one, now, one.draw), PROFILE, policy);
          const { breaker } = state;
          if (before.phase !== 'open' || breaker.phase !== 'half-open' || wasPanic || one.what === 'released') continue;
          expect(now).toBeGreaterThanOrEqual(before.openUntil);
          if (breaker.goodProbes < 2) expect(now - breaker.lastProbeAt).toBeGreaterThan(policy.probeFreshMs);
        }
      }),
      RUNS,
    );
  });

  test('half-open: three good trials close it, any bad trial or probe opens it for longer', () => {
    const verdict = fc.constantFrom('trial', 'bad-trial', 'bad-probe', 'ok', 'fail', 'throttled-trial');
    fc.assert(
      fc.property(fc.array(verdict, { maxLength: 20 }), (words) => {
        let told = tell('fail fail fail fail fail 6');
        let good = 0;
        for (const word of words) {
          told = tell(word, policy, told);
          if (word === 'trial') good++;
          const { phase, openings } = told.state.breaker;
          const isBad = word.startsWith('bad');
          expect([phase, openings]).toEqual(isBad ? ['open', 2] : [good >= 3 ? 'closed' : 'half-open', 1]);
          if (isBad || good >= 3) return;
        }
      }),
      RUNS,
    );
  });

  test('it is never stuck: whatever has happened, good probes and good trials close it', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const past = live([...steps, { gapMs: 1, draw: 0.5, what: 'released' }]);
        let told = tell('', policy, past);
        for (let i = 0; i < 80 && told.state.breaker.phase !== 'closed'; i++)
          told = tell(told.state.breaker.phase === 'half-open' ? 'trial' : 'probe 1', policy, told);
        expect(told.state.breaker.phase).toBe('closed');
      }),
      RUNS,
    );
  });
});
