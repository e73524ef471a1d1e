import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import { describe, expect, test } from 'vitest';
import { alertStateSchema, initialAlertState, type AlertState } from './alert-state.js';
import { judgeAlerts } from './judge-alerts.js';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 10, 26, 12);
const THE_END = Date.UTC(2027, 0, 14);

/** Somebody who looks four times a day, from `START` on. */
function watch({ noticeDays = 30 } = {}) {
  const rules = {
    providerDownAfterMs: 60_000,
    resolveAfterMs: 300_000,
    flapTransitions: 4,
    flapWindowMs: 600_000,
    shutdownNoticeMs: noticeDays * DAY_MS,
  };
  let state: AlertState = initialAlertState();
  let now = START;
  const told: string[] = [];
  const forDays = (days: number, dates: Record<string, number | null | undefined>) => {
    for (let i = 0; i < 4 * days; i++) {
      const targets = Object.entries(dates).map(([target, shutdownAt]) => {
        const health = { target, provider: 'a', model: 'm1', available: true, reason: null };
        return { ...health, ...(shutdownAt !== undefined && { shutdownAt }) } as TargetHealth;
      });
      const snapshot: HealthSnapshot = { epoch: 1, version: 1, at: now, scoring: 'adaptive', targets };
      // As it is stored between two leaders.
      const stored = alertStateSchema.parse(JSON.parse(JSON.stringify(state)));
      const [next, alerts] = judgeAlerts(stored, snapshot, rules);
      state = next;
      const day = new Date(now).toISOString().slice(5, 10);
      told.push(...alerts.map(({ status, key, labels }) => `${day} ${status} ${key} ${labels['shutdown_date']}`));
      now += DAY_MS / 4;
    }
  };
  return { forDays, told, summaryOf: () => state.open.map(({ summary }) => summary) };
}

const KEY = 'model_shutdown/a/m1';

describe('a model that is going to be shut down', () => {
  test('it is told thirty days before and seven days before, each once, and not again when the day has come', () => {
    const { forDays, told, summaryOf } = watch();
    forDays(60, { 'a/m1': THE_END, 'a/m2': null, 'a/m3': undefined });
    expect(told).toEqual([`12-15 firing ${KEY} 2027-01-14`, `01-07 firing ${KEY} 2027-01-14`]);
    expect(summaryOf()).toEqual(['a/m1: m1 will be shut down on 2027-01-14, says a; configure another model']);
  });

  test('it is told once when less than a week is left, or less than nothing', () => {
    const { forDays, told, summaryOf } = watch();
    forDays(20, { 'a/m1': START + 3 * DAY_MS, 'a/m2': START - 100 * DAY_MS });
    expect(told).toHaveLength(2);
    expect(summaryOf()[1]).toContain('m1 was shut down on 2026-08-18');
  });

  test('it is over when another model is configured, when the date is withdrawn, and when it is put off for long', () => {
    const near = START + 10 * DAY_MS;
    for (const [target, later] of [
      ['a/other', null],
      ['a/m1', null],
      ['a/m1', near + 90 * DAY_MS],
    ] as const) {
      const { forDays, told } = watch();
      forDays(1, { 'a/m1': near });
      forDays(1, { [target]: later });
      expect(told).toEqual([`11-26 firing ${KEY} 2026-12-06`, `11-27 resolved ${KEY} 2026-12-06`]);
    }
  });

  test('another date that is near as well is told as such, without an end in between', () => {
    const { forDays, told } = watch();
    forDays(1, { 'a/m1': START + 10 * DAY_MS });
    forDays(1, { 'a/m1': START + 20 * DAY_MS });
    expect(told).toEqual([`11-26 firing ${KEY} 2026-12-06`, `11-27 firing ${KEY} 2026-12-16`]);
  });

  test('what was told stands while nobody knows the date, as after a start', () => {
    const { forDays, told } = watch();
    forDays(1, { 'a/m1': START + 10 * DAY_MS });
    forDays(1, { 'a/m1': undefined });
    forDays(1, { 'a/m1': START + 10 * DAY_MS });
    expect(told).toHaveLength(1);
  });

  test('the time is the one that is configured, and with 0 nothing is told', () => {
    const [short, none] = [watch({ noticeDays: 5 }), watch({ noticeDays: 0 })];
    for (const { forDays } of [short, none]) forDays(10, { 'a/m1': START + 8 * DAY_MS });
    expect(short.told).toEqual([`11-29 firing ${KEY} 2026-12-04`]);
    expect(none.told).toEqual([]);
  });
});
