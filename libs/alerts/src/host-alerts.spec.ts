import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import { expect, test } from 'vitest';
import { initialAlertState } from './alert-state.js';
import { judgeAlerts } from './judge-alerts.js';

const rules = {
  providerDownAfterMs: 60_000,
  resolveAfterMs: 300_000,
  flapTransitions: 4,
  flapWindowMs: 600_000,
  shutdownNoticeMs: 0,
};

type Seen = Pick<TargetHealth, 'lastFailure' | 'consecutiveFailures'> & Partial<TargetHealth>;
const lost: Seen = { lastFailure: 'dns_tls', consecutiveFailures: 2 };
const well: Seen = { lastFailure: null, consecutiveFailures: 0 };

/** Somebody who looks each second, and the alerts he was told. */
function watch() {
  let state = initialAlertState();
  let now = 1_800_000_000_000;
  return (seconds: number, seen: Record<string, Seen>) => {
    const told = [];
    for (let i = 0; i < seconds; i++, now += 1_000) {
      const targets = Object.entries(seen).map(
        ([target, one]) =>
          ({ target, provider: target.split('/')[0], available: true, reason: null, ...one }) as TargetHealth,
      );
      const snapshot: HealthSnapshot = { epoch: 1, version: 1, at: now, scoring: 'adaptive', targets };
      const [next, alerts] = judgeAlerts(state, snapshot, rules);
      state = next;
      told.push(...alerts);
    }
    return told;
  };
}

test('a host that cannot be reached is one alert for its provider, which says that it is usually the configuration', () => {
  const look = watch();
  const told = look(30, { 'a/m1': lost, 'a/m2': lost, 'b/m1': well });
  expect(told).toMatchObject([
    { key: 'host_unreachable/a', status: 'firing', severity: 'warning', labels: { targets: 'a/m1, a/m2' } },
  ]);
  expect(told[0]?.summary).toContain('Usually the configuration');
});

test('one failure alone tells nobody, since resolvers stumble', () => {
  expect(watch()(30, { 'a/m1': { lastFailure: 'dns_tls', consecutiveFailures: 1 } })).toEqual([]);
});

test('it comes and goes, and is told once; five good minutes end it', () => {
  const look = watch();
  expect(look(5, { 'a/m1': lost })).toHaveLength(1);
  for (let i = 0; i < 5; i++) expect([...look(20, { 'a/m1': well }), ...look(20, { 'a/m1': lost })]).toEqual([]);
  expect(look(301, { 'a/m1': well })).toMatchObject([{ key: 'host_unreachable/a', status: 'resolved' }]);
});

test('a target that an operator has taken out worries nobody', () => {
  expect(watch()(30, { 'a/m1': { ...lost, available: false, reason: 'held_out' } })).toEqual([]);
});
