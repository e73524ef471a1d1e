import { describe, expect, it } from 'vitest';
import { mergeOverlaps, type Incident } from './incidents.js';
import { runPolicy, type Scenario } from './run-policy.js';
import { adaptiveRulesWith } from './rules/adaptive.js';
import { ratiosOf } from './report.js';
import { simulatedTargets } from './targets.js';

const START = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;
const RECORDING = Array.from({ length: 600 }, (_, i) => ({
  offsetMs: i * 1_000 + ((i * 373) % 900),
  contextTokens: 100 + ((i * 97) % 900),
  generatedTokens: 20 + ((i * 31) % 300),
}));

const incident = (provider: string, fromMinute: number, toMinute: number, impact: number): Incident => ({
  provider,
  startMs: START + fromMinute * MINUTE_MS,
  endMs: START + toMinute * MINUTE_MS,
  impact,
});

const scenario = (incidents: Incident[], changes: Partial<Scenario> = {}): Scenario => ({
  targets: simulatedTargets(false),
  incidents: mergeOverlaps(incidents.filter(({ provider }) => provider === 'openai')).concat(
    mergeOverlaps(incidents.filter(({ provider }) => provider === 'anthropic')),
  ),
  recording: RECORDING,
  fromMs: START,
  toMs: START + 60 * MINUTE_MS,
  jobsPerHour: 3_600,
  deadlineMs: 24 * 60 * MINUTE_MS,
  seed: 1,
  ...changes,
});

describe('a replay with the adaptive policy', () => {
  it('leaves a provider that is down within seconds of traffic, and is back within a minute of its return', () => {
    const { figures } = runPolicy('adaptive', scenario([incident('openai', 10, 30, 4)]));
    expect(figures).toMatchObject({ gaveUp: 0, missedDeadline: 0, lost: 0, outages: 1, undetected: 0, returns: 1 });
    expect(figures.detectP50Ms).toBeLessThan(20_000);
    expect(figures.returnP50Ms).toBeLessThan(60_000);
    expect(ratiosOf(figures).firstToFailingShare).toBeLessThan(0.01);
  });

  it('parks the jobs of an hour in which everybody is down, and answers every one of them afterwards', () => {
    const both = [incident('openai', 10, 50, 4), incident('anthropic', 10, 50, 3)];
    const { figures } = runPolicy('adaptive', scenario(both, { jobsPerHour: 600 }));
    expect(figures.answered).toBe(figures.jobs);
    expect(figures.answeredAfterParking / figures.jobs).toBeGreaterThan(0.5);
  });

  it('fails a parked job at its deadline, and loses none', () => {
    const both = [incident('openai', 0, 60, 4), incident('anthropic', 0, 60, 4)];
    const { figures } = runPolicy('adaptive', scenario(both, { jobsPerHour: 600, deadlineMs: 5 * MINUTE_MS }));
    expect(figures.missedDeadline).toBeGreaterThan(0.8 * figures.jobs);
    expect(figures.lost).toBe(0);
  });

  it('uses the dearer provider while the others are down, and only then', () => {
    const both = [incident('openai', 10, 50, 4), incident('anthropic', 10, 50, 4)];
    const targets = simulatedTargets(true);
    const withReserve = runPolicy('adaptive', scenario(both, { targets })).figures;
    const quiet = runPolicy('adaptive', scenario([], { targets })).figures;
    expect(withReserve.answeredAfterParking).toBeLessThan(10);
    expect(ratiosOf(withReserve).costPerThousand).toBeGreaterThan(1.5 * ratiosOf(quiet).costPerThousand);
    expect(quiet.firstAttempts).toBe(quiet.jobs);
  });

  it('goes on without an aggregator: a provider that dies then is left all the same', () => {
    const absence = { fromMs: START + 5 * MINUTE_MS, toMs: START + 60 * MINUTE_MS };
    const plan = scenario([incident('openai', 10, 30, 4)]);
    const { figures } = runPolicy('adaptive', plan, adaptiveRulesWith({ absence }));
    expect(figures.answered).toBe(figures.jobs);
    expect(figures.undetected).toBe(0);
    expect(ratiosOf(figures).firstToFailingShare).toBeLessThan(0.03);
  });

  it('gives the same figures for the same seed, and others for another', () => {
    const once = (seed: number) => {
      const { computedInMs: _, ...figures } = runPolicy(
        'adaptive',
        scenario([incident('openai', 10, 30, 2)], { seed }),
      ).figures;
      return figures;
    };
    expect(once(1)).toEqual(once(1));
    expect(once(1)).not.toEqual(once(2));
  });
});
