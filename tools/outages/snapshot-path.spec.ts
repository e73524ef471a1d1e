import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY, type FailureClass, type Observation } from '#libs/health-core';
import { EventQueue } from './event-queue.js';
import { profileOf } from './rules/adaptive.js';
import { SnapshotPath, type Absence, type ProbeWish } from './snapshot-path.js';
import { simulatedTargets } from './targets.js';

const START = Date.UTC(2024, 0, 1);
const [OPENAI] = simulatedTargets(false).map(({ id }) => id);

function pathWith(absence?: Absence) {
  const events = new EventQueue(START);
  const path = new SnapshotPath({
    events,
    draw: () => 0.5,
    profiles: simulatedTargets(false).map(profileOf),
    policy: DEFAULT_POLICY,
    probeIntervalMs: 30_000,
    absence,
  });
  const heard: { atMs: number; wishes: readonly ProbeWish[] }[] = [];
  path.onWishes((wishes) => heard.push({ atMs: events.now - START, wishes }));
  let reported = 0;
  const report = (outcome: 'success' | FailureClass, source: Observation['source'] = 'traffic') =>
    path.report({ id: `test-${++reported}`, target: OPENAI ?? '', source, outcome, latencyMs: 100, at: events.now });
  /** Runs `action` so many milliseconds after the start, and everything that is due before. */
  const at = <T>(ms: number, action: () => T): T => {
    let result: { value: T } | undefined;
    events.at(START + ms, () => (result = { value: action() }));
    while (!result) events.step();
    return result.value;
  };
  return { path, heard, report, at, openai: (ms: number) => at(ms, () => path.latest().targets[0]) };
}

describe('SnapshotPath', () => {
  it('shows a breaker that opens within 100 ms, and not before the news can have travelled', () => {
    const { at, report, openai } = pathWith();
    for (let i = 1; i <= 5; i++) at(1_000 + i, () => report('server_error'));
    expect(openai(1_005 + 79)?.breaker).toBe('closed');
    expect(openai(1_005 + 81)?.breaker).toBe('open');
  });

  it('shows what does not change routing with the next heartbeat', () => {
    const { at, report, openai } = pathWith();
    // The second one finds the probe interval raised already.
    at(1_100, () => report('server_error'));
    at(1_500, () => report('server_error'));
    expect(openai(2_029)?.consecutiveFailures).toBe(1);
    expect(openai(2_431)?.consecutiveFailures).toBe(2);
  });

  it('is never older than a heartbeat and its way, however long nobody asked', () => {
    const { at, report, path } = pathWith();
    for (let ms = 700; ms < 600_000; ms += 3_700) at(ms, () => report('success'));
    for (const ms of [600_029, 600_031, 601_500]) {
      const ageMs = at(ms, () => START + ms - path.latest().at);
      expect(ageMs).toBeGreaterThanOrEqual(30);
      expect(ageMs).toBeLessThan(1_030);
    }
  });

  it('tells probers within half a second that a first failure is to be confirmed, and later that all is well again', () => {
    const { at, report, heard } = pathWith();
    at(10_000, () => report('server_error'));
    at(11_000, () => report('success'));
    at(60_000, () => undefined);
    expect(heard.map(({ wishes }) => wishes[0]?.intervalMs)).toEqual([1_000]);
    expect(heard[0]?.atMs).toBeLessThan(10_500);
    for (let i = 0; i < 20; i++) at(61_000 + i * 1_000, () => report('success'));
    at(100_000, () => undefined);
    expect(heard.at(-1)?.wishes[0]?.intervalMs).toBe(30_000);
  });

  it('lets an open breaker become half-open by time, also when nobody reports', () => {
    const { at, report, openai } = pathWith();
    for (let i = 1; i <= 5; i++) at(1_000 + i, () => report('server_error'));
    expect(openai(4_000)?.breaker).toBe('open');
    expect(openai(30_000)?.breaker).toBe('half-open');
  });

  it('grows old while no aggregator leads, and loses what was reported then', () => {
    const absence = { fromMs: START + 10_000, toMs: START + 40_000 };
    const { at, report, path, openai } = pathWith(absence);
    for (let i = 1; i <= 5; i++) at(20_000 + i, () => report('server_error'));
    expect(at(39_000, () => path.latest().at)).toBe(START + 10_000);
    expect(at(42_000, () => path.latest().at)).toBeGreaterThan(START + 40_000);
    expect(openai(43_000)?.breaker).toBe('closed');
  });
});
