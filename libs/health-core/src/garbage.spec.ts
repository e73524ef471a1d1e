import { describe, expect, test } from 'vitest';
import type { FailureClass } from './failure.js';
import type { Observation } from './observation.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { choose } from './choose.js';
import { initialRoutingState } from './routing-state.js';
import { settle } from './settle.js';
import { aView, observationOf, PROFILE, START, tell, viewOf } from './story.fixture.js';
import { transition } from './transition.js';

const HOUR_MS = 3_600_000;

/** What a fold of this observation makes of a healthy target. */
function folded(change: Partial<Observation>, now = START + 60_000) {
  const before = tell('ok ok ok');
  const observation = observationOf({ outcome: 'server_error', generation: 0, ...change });
  const [state] = transition(before.state, { type: 'observed', observation, now, draw: 0.5 }, PROFILE, policy);
  return { before: before.state, state };
}

describe('bad input', () => {
  const question = {
    primary: [aView('a/x')],
    standIns: [],
    fallbacks: [],
    tried: new Set<string>(),
    failedProviders: new Set<string>(),
    isRetry: false,
  };

  test.each(['gremlins', 'constructor', '__proto__', undefined])(
    'an attempt that ended as %s teaches nothing, and frees its trial',
    (outcome) => {
      const target = aView('a/x').target;
      const begun = choose(question, initialRoutingState(), START, 0.5, policy).routing;
      const settled = settle(
        begun,
        target,
        { outcome: outcome as never, latencyMs: 5, trial: true },
        START + 5,
        0.5,
        policy,
      );
      expect(settled.targets[target]).toMatchObject({ trialInFlight: false, consecutiveFailures: 0, blockedUntil: 0 });
    },
  );

  test.each([Number.NaN, Infinity])('a clock that shows %d stands still for a decision', (broken) => {
    const before = choose(question, initialRoutingState(), START, 0.5, policy).routing;
    const decision = choose(question, before, broken, 0.5, policy);
    expect(decision.choice).not.toBeNull();
    const numbers = JSON.stringify(decision.routing, (_key, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? 'BROKEN' : value,
    );
    expect(numbers).not.toContain('BROKEN');
  });

  test.each([Number.NaN, Infinity, -Infinity, -1, 86_400_001])('a latency of %d is not measured', (latencyMs) => {
    const { before, state } = folded({ outcome: 'success', latencyMs, source: 'probe' });
    expect(state.latency).toEqual(before.latency);
    expect(state.article.probeLatencyMs).toBe(null);
    expect(state.requests).toBe(before.requests + 1);
  });

  test.each([Number.NaN, Infinity, -5, 0, START + 10 * 365 * 24 * HOUR_MS])(
    'a reported time of %d decides nothing',
    (at) => {
      expect(folded({ at }).state).toEqual(folded({ at: START }).state);
    },
  );

  test.each([Number.NaN, Infinity, -Infinity, -1])('an event told at %d is ignored', (now) => {
    const { before, state } = folded({}, now);
    expect(state).toBe(before);
  });

  test('an outcome that is no word of ours is ignored', () => {
    const { before, state } = folded({ outcome: 'gremlins' as FailureClass });
    expect({ ...state, foldedAt: 0 }).toEqual({ ...before, foldedAt: 0 });
    const { state: proto } = folded({ outcome: 'constructor' as FailureClass });
    expect({ ...proto, foldedAt: 0 }).toEqual({ ...before, foldedAt: 0 });
  });

  test.each([Number.NaN, -1, 1, 7])('a draw of %d counts as the middle', (draw) => {
    const { state, now } = tell('fail fail fail fail fail', policy, undefined, draw);
    expect(state.breaker.openUntil).toBe(now + 5_000);
  });

  test.each([Number.NaN, Infinity, -Infinity, -1, 0, 1e12])(
    'a Retry-After of %d blocks for two minutes at most',
    (retryAfterMs) => {
      const end = { outcome: 'rate_limited', latencyMs: 10, retryAfterMs } as const;
      const standing = settle(initialRoutingState(), 'a/x', end, START, 0.5, policy).targets['a/x'];
      expect(standing?.blockedUntil).toBeGreaterThan(START);
      expect(standing?.blockedUntil).toBeLessThanOrEqual(START + 132_000);
    },
  );
});

describe('a clock that jumps back by an hour', () => {
  test('leaves an open breaker open for what was left of its time, no longer', () => {
    const open = tell('fail fail fail fail fail');
    const back = { ...open, now: open.now - HOUR_MS };
    // The first tick shows that the clock has gone back; five seconds are left from there.
    expect(tell('5', policy, back).state.breaker.phase).toBe('open');
    expect(tell('6', policy, back).state.breaker.phase).toBe('half-open');
  });

  test('does not keep the next five failures from opening the breaker', () => {
    const recovered = tell('fail fail fail fail fail 6 trial trial trial 20');
    expect(recovered.state.breaker.phase).toBe('closed');
    let { state } = recovered;
    for (let i = 0; i < 5; i++) {
      const now = recovered.now - HOUR_MS + i * 1_000;
      const observation = observationOf({ outcome: 'timeout', latencyMs: 1_000, at: now });
      [state] = transition(state, { type: 'observed', observation, now, draw: 0.5 }, PROFILE, policy);
    }
    expect(state.breaker.phase).toBe('open');
  });

  test('leaves the ramp where it was', () => {
    const closed = tell('fail fail fail fail fail 6 trial trial trial 3');
    const before = closed.now - viewOf(closed).closedAt;
    const back = tell('1', policy, { ...closed, now: closed.now - HOUR_MS });
    expect(back.now - viewOf(back).closedAt).toBe(before);
  });

  test('does not hold a blocked target shut', () => {
    const end = { outcome: 'rate_limited', latencyMs: 10, retryAfterMs: 2_000 } as const;
    const blocked = settle(initialRoutingState(), 'a/x', end, START, 0, policy);
    const ask = (now: number) =>
      choose(
        {
          primary: [aView('a/x')],
          standIns: [],
          fallbacks: [],
          tried: new Set(),
          failedProviders: new Set(),
          isRetry: false,
        },
        blocked,
        now,
        0.5,
        policy,
      );
    const back = ask(START - HOUR_MS);
    expect(back.choice).toBe(null);
    expect(back.waitMs).toBe(2_000);
    expect(back.routing.targets['a/x']?.blockedUntil).toBe(START - HOUR_MS + 2_000);
  });
});
