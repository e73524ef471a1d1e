import type { Alert } from '#libs/alerts';
import { parseConfig } from '#libs/config';
import type { HealthSnapshot } from '#libs/contracts';
import { describe, expect, test } from 'vitest';
import { FleetHealth, type FleetEffect, type SavedFleet } from './fleet-health.js';

// The mode over whole health, on a virtual clock: breakers, scores and the rule together, with probes when
// the snapshot asks for them.

const START = 1_780_000_000_000;
const MINUTE = 60;
const config = parseConfig(
  `
providers: { r: { kind: openai-compatible, baseUrl: http://127.0.0.1:1 }, d: { kind: openai-compatible, baseUrl: http://127.0.0.1:1 }, b: { kind: openai-compatible, baseUrl: http://127.0.0.1:1 } }
targets:
  - { id: relay-1, provider: r, model: m, mode: relay }
  - { id: relay-2, provider: r, model: n, mode: relay }
  - { id: direct, provider: d, model: m, mode: direct }
  - { id: both, provider: b, model: m }
modes: {}
`,
  {},
);

function aFleet(saved?: SavedFleet) {
  const fleet = new FleetHealth(config, saved, () => 0.5);
  let [second, sequence] = [0, 0];
  const probedAt = new Map<string, number>();
  let snapshot: HealthSnapshot | undefined;
  const changes: string[] = [];
  const alerts: string[] = [];
  const note = (effects: readonly FleetEffect[]) => {
    for (const effect of effects)
      if (effect.type === 'mode-changed') changes.push(`${effect.to} ${effect.reason}`);
      else if (effect.type === 'alerted') alerts.push(name(effect.alert));
  };
  /** So many seconds with these targets down and the others well. */
  const pass = (seconds: number, down: readonly string[], setTo: string | null = null) => {
    for (let i = 0; i < seconds; i++) {
      const now = START + ++second * 1_000;
      for (const { target, probeIntervalMs } of snapshot?.targets ?? []) {
        if (now - (probedAt.get(target) ?? 0) < probeIntervalMs) continue;
        probedAt.set(target, now);
        fleet.fold(probe(target, !down.includes(target), now), now);
      }
      note(fleet.tick(now, setTo));
      snapshot = fleet.snapshot({ epoch: 1, version: second, at: now });
      note(fleet.alertsOf(snapshot));
    }
  };
  const probe = (target: string, ok: boolean, at: number) => ({
    id: `spec-${++sequence}`,
    target,
    source: 'probe' as const,
    outcome: ok ? ('success' as const) : ('server_error' as const),
    latencyMs: 300,
    at,
  });
  return { fleet, pass, changes, alerts };
}

const name = ({ rule, status }: Alert) => `${status} ${rule}`;
const ofMode = (alerts: readonly string[]) => alerts.filter((text) => text.endsWith('mode_switched'));
const RELAY = ['relay-1', 'relay-2'];

describe('the mode of a whole fleet', () => {
  test('one relay target that is well keeps it, and one of both modes says nothing about either', () => {
    const { pass, changes } = aFleet();
    pass(20 * MINUTE, ['relay-1', 'both', 'direct']);
    expect(changes).toEqual([]);
    pass(7 * MINUTE, RELAY);
    expect(changes).toEqual(['direct primary_failing']);
    pass(20 * MINUTE, [...RELAY, 'both', 'direct']);
    pass(5 * MINUTE, ['relay-2', 'both', 'direct']);
    expect(changes).toEqual(['direct primary_failing', 'relay primary_recovered']);
  });

  test('an hour of flapping is one switch and one alert, and the return needs the relay well for two minutes', () => {
    const { pass, changes, alerts } = aFleet();
    pass(MINUTE, []);
    pass(7 * MINUTE, RELAY);
    for (let i = 0; i < 24; i++) {
      pass(90, []);
      pass(MINUTE, RELAY);
    }
    expect([changes, ofMode(alerts)]).toEqual([['direct primary_failing'], ['firing mode_switched']]);
    pass(6 * MINUTE, []);
    expect(changes).toEqual(['direct primary_failing', 'relay primary_recovered']);
    expect(ofMode(alerts)).toEqual(['firing mode_switched', 'resolved mode_switched']);
  });

  test('a relay that flaps before the switch is not switched away from: jobs go where somebody is well', () => {
    const { pass, changes } = aFleet();
    for (let i = 0; i < 15; i++) {
      pass(2 * MINUTE, RELAY);
      pass(2 * MINUTE, []);
    }
    expect(changes).toEqual([]);
  });

  test('a word that is set while the rule counts holds over its switch, and taken back gives what the rule has come to', () => {
    const { pass, changes } = aFleet();
    pass(3 * MINUTE, RELAY);
    pass(10 * MINUTE, RELAY, 'relay');
    expect(changes).toEqual([]);
    pass(1, RELAY);
    expect(changes).toEqual(['direct released']);
    pass(1, RELAY, 'relay');
    pass(10 * MINUTE, [], 'relay');
    pass(MINUTE, []);
    expect(changes).toEqual(['direct released', 'relay manual']);
  });

  test('a word that names no mode of the configuration has no effect, and is not told as if it had', () => {
    const { fleet, pass, changes } = aFleet();
    pass(5, [], 'sideways');
    const { mode } = fleet.snapshot({ epoch: 1, version: 1, at: START });
    expect([changes, mode]).toEqual([[], expect.objectContaining({ current: 'relay', setTo: 'auto' })]);
  });

  test('what one leaves to the next carries mode and count on, through JSON', () => {
    const first = aFleet();
    first.pass(5 * MINUTE, RELAY);
    const saved = JSON.parse(JSON.stringify(first.fleet.save())) as SavedFleet;
    expect(first.changes).toEqual([]);
    expect(saved.mode?.countingSince).toBeGreaterThan(START);
    const second = new FleetHealth(config, saved, () => 0.5);
    const switched = Array.from({ length: 120 }, (_, i) => second.tick(START + (300 + i) * 1_000)).flat();
    expect(switched.filter(({ type }) => type === 'mode-changed')).toMatchObject([{ to: 'direct' }]);
  });
});

test.each(['adaptive', 'article'] as const)(
  'with scoring %s the weights that are told are those of the mode in force; the reserve has none while the others are well',
  (scoring) => {
    const fleet = new FleetHealth({ ...config, health: { policy: { ...config.health.policy, scoring } } });
    for (let second = 1; second <= 3; second++)
      for (const [i, { id: target }] of config.targets.entries())
        fleet.fold(
          {
            id: `spec-${second * 10 + i}`,
            target,
            source: 'probe',
            outcome: 'success',
            latencyMs: 50,
            at: START,
          },
          START + second * 1_000,
        );
    const served = (setTo: string | null) => {
      fleet.tick(START + 5_000, setTo);
      const { targets } = fleet.snapshot({ epoch: 1, version: 1, at: START + 5_000 });
      return targets.filter(({ routingWeight }) => routingWeight > 0).map(({ target }) => target);
    };
    expect(served(null)).toEqual(['relay-1', 'relay-2', 'both']);
    expect(served('direct')).toEqual(['direct', 'both']);
  },
);
