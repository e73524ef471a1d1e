import { describe, expect, it } from 'vitest';
import { simulatedTargets } from './targets.js';
import { World } from './world.js';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2024, 0, 1);
const TARGETS = simulatedTargets(true);

/** openai fails with this impact in the second of three hours. */
const worldWith = (impact: number) =>
  new World(TARGETS, [{ provider: 'openai', startMs: START + HOUR_MS, endMs: START + 2 * HOUR_MS, impact }], 1);

/** Share of calls to a target that fail, one call a second over an hour. */
function failedShare(world: World, target: number, fromMs: number): number {
  let failed = 0;
  for (let i = 0; i < 3_600; i++) {
    const sizes = { contextTokens: 100, generatedTokens: 100 };
    if (world.call({ target, now: fromMs + i * 1000, key: i, attempt: 1, ...sizes }).outcome !== 'success') failed++;
  }
  return failed / 3_600;
}

describe('World', () => {
  it.each([
    [0, 0.02],
    [1, 0.15],
    [2, 0.5],
    [3, 1],
    [4, 1],
  ])('an incident of impact %i fails %f of the calls, and only while it lasts', (impact, expected) => {
    const world = worldWith(impact);
    expect(failedShare(world, 0, START)).toBeLessThan(0.01);
    expect(Math.abs(failedShare(world, 0, START + HOUR_MS) - expected)).toBeLessThan(0.03);
    expect(failedShare(world, 0, START + 2 * HOUR_MS)).toBeLessThan(0.01);
  });

  it('leaves the other providers alone', () => {
    expect(failedShare(worldWith(4), 1, START + HOUR_MS)).toBeLessThan(0.01);
    expect(failedShare(worldWith(4), 2, START + HOUR_MS)).toBeLessThan(0.01);
  });

  it('lets some failures answer at once and others hang', () => {
    const world = worldWith(4);
    const sizes = { contextTokens: 1, generatedTokens: 1 };
    const now = START + HOUR_MS;
    const latencies = Array.from(
      { length: 500 },
      (_, key) => world.call({ target: 0, now, key, attempt: 1, ...sizes }).latencyMs,
    );
    const hanging = latencies.filter((ms) => ms === Infinity).length;
    expect(hanging / 500).toBeGreaterThan(0.2);
    expect(hanging / 500).toBeLessThan(0.4);
    expect(Math.max(...latencies.filter((ms) => ms !== Infinity))).toBeLessThanOrEqual(400);
  });

  it('answers a long completion later than a short one', () => {
    const world = worldWith(0);
    const call = { target: 0, now: START, key: 1, attempt: 1, contextTokens: 100 };
    const short = world.call({ ...call, generatedTokens: 10 });
    const long = world.call({ ...call, generatedTokens: 1_000 });
    expect(long.latencyMs).toBeGreaterThan(short.latencyMs + 5_000);
  });

  it('refuses calls above the rate limit and says when to come again', () => {
    const world = worldWith(0);
    const call = { target: 1, now: START, attempt: 1, contextTokens: 1, generatedTokens: 1 };
    const ends = Array.from({ length: 60 }, (_, key) => world.call({ ...call, key }));
    const refused = ends.filter(({ outcome }) => outcome === 'rate_limited');
    expect(refused).toHaveLength(10);
    expect(refused[0]?.retryAfterMs).toBe(1_000);
    expect(world.call({ ...call, key: 61, now: START + 1_000 }).outcome).toBe('success');
  });
});
