import { expect, test } from 'vitest';
import { DEFAULT_POLICY as policy } from './policy.js';
import { probeIntervalMs } from './probe-schedule.js';
import { aView, START, tell, viewOf } from './story.fixture.js';
import type { TargetView } from './target-view.js';

const interval = (view: TargetView, { isAnyClosed = true, now = START, usualMs = 30_000 } = {}) =>
  probeIntervalMs(view, isAnyClosed, usualMs, now, policy);

const ejected = (change: Partial<TargetView>) =>
  aView('a/x', {
    breaker: 'open',
    reason: 'consecutive_failures',
    consecutiveFailures: 5,
    openUntil: START,
    ...change,
  });

test.each<[string, number, number]>([
  ['a target that is well is probed as configured', interval(aView('a/x')), 30_000],
  ['a first failure is confirmed at once', interval(viewOf(tell('ok fail'))), 1_000],
  ['after the success that follows it is watched', interval(viewOf(tell('ok fail ok'))), 1_000],
  [
    'a target whose sibling has opened is looked at, once',
    interval(viewOf(tell('probe sibling')), { now: START + 3_000 }),
    1_000,
  ],
  ['until a probe has answered', interval(viewOf(tell('sibling probe')), { now: START + 3_000 }), 30_000],
  ['an open target is probed often at first', interval(ejected({ changedAt: START })), 3_000],
  ['and less often in a long outage', interval(ejected({ changedAt: START - 3_600_000 })), 10_000],
  ['one that has answered is confirmed at once', interval(ejected({ consecutiveFailures: 0 })), 1_000],
  [
    'but not long before the end of its ejection',
    interval(ejected({ consecutiveFailures: 0, changedAt: START - 60_000, openUntil: START + 30_000 })),
    10_000,
  ],
  [
    'nor while an operator holds it out',
    interval(ejected({ consecutiveFailures: 0, changedAt: START, reason: 'held_out' })),
    3_000,
  ],
  ['a refusal is looked into as soon as any failure', interval(ejected({ reason: 'auth', changedAt: START })), 3_000],
  ['then after as long as it has lasted', interval(ejected({ reason: 'auth', changedAt: START - 60_000 })), 48_000],
  [
    'and each quarter of an hour at last',
    interval(ejected({ reason: 'auth', changedAt: START - 86_400_000 })),
    900_000,
  ],
  [
    'even with nothing closed: nothing but a change by somebody mends it',
    interval(ejected({ reason: 'quota', changedAt: START - 86_400_000 }), { isAnyClosed: false }),
    900_000,
  ],
  [
    'a sibling that was disabled with it is asked once as usual, for it may have a key that works',
    interval(ejected({ reason: 'auth', consecutiveFailures: 0, changedAt: START, openUntil: START + 5_000 })),
    3_000,
  ],
  [
    'one that answers again is confirmed at once',
    interval(ejected({ reason: 'auth', consecutiveFailures: 0, changedAt: START - 3_600_000 })),
    1_000,
  ],
  [
    'a configured interval that is longer is kept',
    interval(ejected({ reason: 'model_gone', changedAt: START - 86_400_000 }), { usualMs: 3_600_000 }),
    3_600_000,
  ],
  [
    'with nothing closed each second counts',
    interval(aView('a/x', { breaker: 'open' }), { isAnyClosed: false }),
    1_000,
  ],
  ['a shorter interval than these is kept', interval(viewOf(tell('fail')), { usualMs: 500 }), 500],
])('%s', (_guarantee, given, expected) => expect(given).toBe(expected));
