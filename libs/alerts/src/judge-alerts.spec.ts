import type { HealthSnapshot, SnapshotMode, TargetHealth } from '#libs/contracts';
import { describe, expect, test } from 'vitest';
import { alertStateSchema, initialAlertState, type AlertState } from './alert-state.js';
import { judgeAlerts } from './judge-alerts.js';

const rules = {
  providerDownAfterMs: 60_000,
  resolveAfterMs: 300_000,
  flapTransitions: 4,
  flapWindowMs: 600_000,
  shutdownNoticeMs: 0,
};
const START = 1_800_000_000_000;

/** How targets are: `up`, `down`, or the reason for which they are disabled. */
type Standing = Record<string, 'up' | 'down' | 'auth' | 'quota' | 'model_gone' | 'held_out'>;

/** Somebody who looks each second, and what was told: `firing target_disabled/a/m1`. */
function watch(mode?: SnapshotMode) {
  let state: AlertState = initialAlertState();
  let now = START;
  const told: string[] = [];
  const look = (standing: Standing, fleet?: Partial<SnapshotMode>) => {
    const targets = Object.entries(standing).map(([target, how]) => {
      const reason = how === 'up' ? null : how === 'down' ? 'consecutive_failures' : how;
      return { target, provider: target.split('/')[0], available: how === 'up', reason } as TargetHealth;
    });
    const known = mode && { mode: { ...mode, ...fleet } };
    const snapshot: HealthSnapshot = { epoch: 1, version: 1, at: now, scoring: 'adaptive', targets, ...known };
    // As it is stored between two leaders.
    const stored = alertStateSchema.parse(JSON.parse(JSON.stringify(state)));
    const [next, alerts] = judgeAlerts(stored, snapshot, rules);
    state = next;
    told.push(...alerts.map(({ status, key }) => `${status} ${key}`));
    now += 1_000;
    return alerts;
  };
  const forSeconds = (seconds: number, standing: Standing) => {
    for (let i = 0; i < seconds; i++) look(standing);
  };
  return { look, forSeconds, told };
}

describe('a disabled target', () => {
  test('it is told at once, once, and over on recovery', () => {
    const { forSeconds, told } = watch();
    forSeconds(5, { 'a/m1': 'up', 'a/m2': 'up' });
    forSeconds(100, { 'a/m1': 'auth', 'a/m2': 'up' });
    expect(told).toEqual(['firing target_disabled/a/m1/auth']);
    forSeconds(5, { 'a/m1': 'up', 'a/m2': 'up' });
    expect(told.slice(1)).toEqual(['resolved target_disabled/a/m1/auth']);
  });

  test('targets that one key disables together are one alert, and no second one for the provider', () => {
    const { forSeconds, told } = watch();
    forSeconds(200, { 'a/m1': 'quota', 'a/m2': 'quota', 'b/m1': 'up' });
    expect(told).toEqual(['firing target_disabled/a/quota']);
    forSeconds(5, { 'a/m1': 'up', 'a/m2': 'quota', 'b/m1': 'up' });
    expect(told).toHaveLength(1);
    forSeconds(5, { 'a/m1': 'up', 'a/m2': 'up', 'b/m1': 'up' });
    expect(told.at(-1)).toBe('resolved target_disabled/a/quota');
  });

  test('one on its way back that fails its trial is still the same trouble', () => {
    const { forSeconds, told } = watch();
    forSeconds(5, { 'a/m1': 'model_gone', 'a/m2': 'up' });
    forSeconds(5, { 'a/m1': 'down', 'a/m2': 'up' });
    forSeconds(5, { 'a/m1': 'model_gone', 'a/m2': 'up' });
    expect(told).toEqual(['firing target_disabled/a/m1/model_gone']);
  });

  test('one that is configured no more is over', () => {
    const { forSeconds, told } = watch();
    forSeconds(2, { 'a/m1': 'auth', 'a/m2': 'up' });
    forSeconds(2, { 'a/m2': 'up' });
    expect(told.at(-1)).toBe('resolved target_disabled/a/m1/auth');
  });
});

describe('a whole provider that is down', () => {
  test('it is told after 60 s without a break, and over after 5 good minutes', () => {
    const { forSeconds, told } = watch();
    forSeconds(59, { 'a/m1': 'down', 'a/m2': 'down' });
    forSeconds(1, { 'a/m1': 'up', 'a/m2': 'down' });
    forSeconds(60, { 'a/m1': 'down', 'a/m2': 'down' });
    expect(told).toEqual([]);
    forSeconds(1, { 'a/m1': 'down', 'a/m2': 'down' });
    expect(told).toEqual(['firing provider_down/a']);
    forSeconds(299, { 'a/m1': 'up', 'a/m2': 'down' });
    forSeconds(1, { 'a/m1': 'down', 'a/m2': 'down' });
    forSeconds(300, { 'a/m1': 'up', 'a/m2': 'up' });
    expect(told).toHaveLength(1);
    forSeconds(1, { 'a/m1': 'up', 'a/m2': 'up' });
    expect(told).toEqual(['firing provider_down/a', 'resolved provider_down/a']);
  });

  test('it mutes what its targets do meanwhile', () => {
    const { forSeconds, told } = watch();
    forSeconds(61, { 'a/m1': 'down', 'a/m2': 'down' });
    forSeconds(10, { 'a/m1': 'auth', 'a/m2': 'down' });
    for (let i = 0; i < 6; i++) forSeconds(2, { 'a/m1': i % 2 ? 'up' : 'down', 'a/m2': 'down' });
    expect(told).toEqual(['firing provider_down/a']);
  });

  test('one that an operator has taken out is not down', () => {
    const { forSeconds, told } = watch();
    forSeconds(200, { 'a/m1': 'held_out', 'b/m1': 'up' });
    expect(told).toEqual([]);
  });
});

describe('a flapping target', () => {
  test('the fourth change in 10 minutes is one alert, further ones none, 5 calm minutes end it', () => {
    const { forSeconds, told } = watch();
    const turn = (how: 'up' | 'down') => forSeconds(30, { 'a/m1': how, 'a/m2': 'up' });
    turn('up');
    for (const how of ['down', 'up', 'down'] as const) turn(how);
    expect(told).toEqual([]);
    for (const how of ['up', 'down', 'up', 'down', 'up'] as const) turn(how);
    expect(told).toEqual(['firing target_flapping/a/m1']);
    forSeconds(400, { 'a/m1': 'up', 'a/m2': 'up' });
    expect(told).toEqual(['firing target_flapping/a/m1', 'resolved target_flapping/a/m1']);
  });

  test('four changes over a longer time are no flapping', () => {
    const { forSeconds, told } = watch();
    for (const how of ['up', 'down', 'up', 'down', 'up', 'down'] as const)
      forSeconds(201, { 'a/m1': how, 'a/m2': 'up' });
    expect(told).toEqual([]);
  });
});

describe('the mode', () => {
  const relay = {
    current: 'relay',
    primary: 'relay',
    setTo: 'auto',
    reason: 'started',
    changedAt: 0,
    countingSince: null,
  };

  test('a switch is told at once and once, the return ends it', () => {
    const { look, told } = watch(relay);
    look({});
    const [alert] = look({}, { current: 'direct', reason: 'primary_failing' });
    expect(alert).toMatchObject({ severity: 'critical', labels: { mode: 'direct', from: 'relay' } });
    look({}, { current: 'direct', reason: 'primary_failing' });
    look({});
    expect(told).toEqual(['firing mode_switched/direct', 'resolved mode_switched/direct']);
  });

  test("an operator's switch is a warning", () => {
    const { look } = watch(relay);
    expect(look({}, { current: 'direct', reason: 'manual' })).toMatchObject([{ severity: 'warning' }]);
  });
});
