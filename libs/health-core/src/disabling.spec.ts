import { describe, expect, test } from 'vitest';
import type { HealthEffect, HealthEvent } from './health-event.js';
import type { Observation } from './observation.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { probeIntervalMs } from './probe-schedule.js';
import { START } from './story.fixture.js';
import { initialTargetState } from './target-state.js';
import { viewTarget } from './target-view.js';
import { transition } from './transition.js';

const profile = { id: 'a/m1', provider: 'a', tier: 0, weight: 1, maxLatencyMs: 3_000, timeoutMs: 10_000 };
const call = (outcome: Observation['outcome'], change: Partial<Observation> = {}): Observation => {
  const id = `spec-${Math.random()}`;
  return { id, target: 'a/m1', source: 'traffic', outcome, latencyMs: 100, at: START, ...change };
};

/** One target; each event comes a second after the one before. */
function target() {
  let state = initialTargetState(profile, policy);
  let now = START;
  const fold = (event: HealthEvent): HealthEffect[] => {
    const [next, effects] = transition(state, event, profile, policy);
    state = next;
    return effects;
  };
  const observe = (observation: Observation) => fold({ type: 'observed', observation, now: (now += 1_000), draw: 0.5 });
  const view = () => viewTarget(state, profile, now, policy);
  return { observe, fold, view, now: () => now };
}

const sharedOf = (effects: HealthEffect[]) => effects.find((effect) => effect.type === 'opened')?.disabling?.reason;

describe('a key that is refused', () => {
  test('one refusal of a job does not disable the target, and asks for a probe at once', () => {
    const { observe, view, now } = target();
    observe(call('auth', { httpStatus: 401 }));
    expect(view()).toMatchObject({ breaker: 'closed', reason: null });
    expect(probeIntervalMs(view(), true, 30_000, now(), policy)).toBe(policy.probeConfirmMs);
  });

  test('the probe disables it when it is told the same', () => {
    const { observe, view } = target();
    observe(call('auth', { httpStatus: 401 }));
    observe(call('auth', { source: 'probe', httpStatus: 401 }));
    expect(view()).toMatchObject({ breaker: 'open', reason: 'auth' });
  });

  test('the probe clears it when it is answered', () => {
    const { observe, view } = target();
    observe(call('auth', { httpStatus: 403 }));
    observe(call('success', { source: 'probe' }));
    expect(view()).toMatchObject({ breaker: 'closed', consecutiveFailures: 0, reason: null });
    observe(call('auth', { source: 'probe', httpStatus: 403 }));
    // A refusal that is confirmed later is a new one, and needs no memory of the first.
    expect(view()).toMatchObject({ breaker: 'open', reason: 'auth' });
  });

  test('five refusals in a row disable it without a probe', () => {
    const { observe, view } = target();
    for (let i = 0; i < 5; i++) observe(call('auth', { httpStatus: 401 }));
    expect(view()).toMatchObject({ breaker: 'open', reason: 'auth' });
  });

  test.each(['quota', 'model_gone', 'region'] as const)(
    'a provider that says %s in so many words is believed at once',
    (outcome) => {
      const { observe, view } = target();
      observe(call(outcome));
      expect(view()).toMatchObject({ breaker: 'open', reason: outcome });
    },
  );
});

describe('whom a refusal concerns', () => {
  test.each([
    ['401', 'auth', 401, 'auth'],
    ['a key that is not valid, as a 400', 'auth', 400, 'auth'],
    ['403', 'auth', 403, undefined],
    ['auth without a status', 'auth', undefined, undefined],
    ['quota', 'quota', 429, 'quota'],
    ['region', 'region', 403, 'region'],
    ['a model that is gone', 'model_gone', 404, undefined],
  ] as const)('%s: %#', (_what, outcome, httpStatus, shared) => {
    const { observe } = target();
    expect(sharedOf(observe(call(outcome, { source: 'probe', ...(httpStatus && { httpStatus }) })))).toBe(shared);
  });

  test.each([
    ['a 403 that names the key', 403, 'key', 'auth'],
    ['a permission that is refused in an answer of 200', 200, 'target', undefined],
  ] as const)('what the provider says counts before the status: %s', (_what, httpStatus, scope, shared) => {
    const { observe } = target();
    expect(sharedOf(observe(call('auth', { source: 'probe', httpStatus, scope })))).toBe(shared);
  });

  test('a sibling goes too, and tells nobody in its turn', () => {
    const { fold, view, now } = target();
    const disabling = { reason: 'auth', since: now() - 500, draw: 0.5 } as const;
    const effects = fold({ type: 'sibling-opened', now: now(), disabling });
    expect(view()).toMatchObject({ breaker: 'open', reason: 'auth' });
    expect(sharedOf(effects)).toBeUndefined();
  });

  test('a sibling that has answered since is only watched more closely', () => {
    const { observe, fold, view, now } = target();
    observe(call('success'));
    fold({ type: 'sibling-opened', now: now(), disabling: { reason: 'auth', since: now() - 500, draw: 0.5 } });
    expect(view()).toMatchObject({ breaker: 'closed', siblingOpenedAt: now() });
  });

  test('a target that an operator has taken out keeps his reason', () => {
    const { fold, view, now } = target();
    fold({ type: 'held-out', now: now(), reason: 'maintenance' });
    fold({ type: 'sibling-opened', now: now(), disabling: { reason: 'quota', since: now(), draw: 0.5 } });
    expect(view().reason).toBe('held_out');
  });
});
