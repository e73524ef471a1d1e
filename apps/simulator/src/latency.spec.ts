import { describe, expect, it } from 'vitest';
import { drawLatencyMs, latencySchema, MAX_LATENCY_MS, type Latency } from './latency.js';
import { seededRandom } from './seeded-random.js';

function drawMany(latency: Latency, seed: string): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: 5_000 }, () => drawLatencyMs(latency, random)).toSorted((left, right) => left - right);
}

describe('drawn latencies', () => {
  it('a fixed latency is always the same', () => {
    expect(new Set(drawMany({ kind: 'fixed', ms: 7 }, 'a'))).toEqual(new Set([7]));
  });

  it('a uniform latency fills its range evenly and stays in it', () => {
    const drawn = drawMany({ kind: 'uniform', minMs: 100, maxMs: 200 }, 'a');
    expect(drawn[0]).toBeGreaterThanOrEqual(100);
    expect(drawn.at(-1)).toBeLessThan(200);
    expect(drawn[2_500]).toBeGreaterThan(147);
    expect(drawn[2_500]).toBeLessThan(153);
  });

  it('a lognormal latency has the median it was given, and the spread of its sigma', () => {
    const drawn = drawMany({ kind: 'lognormal', medianMs: 200, sigma: 0.5 }, 'a');
    expect(drawn[2_500]! / 200).toBeCloseTo(1, 1);
    // The 84th percentile of a lognormal is one sigma above the median.
    expect(drawn[4_200]! / (200 * Math.exp(0.5))).toBeCloseTo(1, 1);
  });

  it('no draw is longer than the maximum, however heavy the tail', () => {
    const drawn = drawMany({ kind: 'lognormal', medianMs: MAX_LATENCY_MS, sigma: 5 }, 'a');
    expect(drawn.at(-1)).toBe(MAX_LATENCY_MS);
  });

  it('the same seed draws the same row, another seed another one', () => {
    const latency: Latency = { kind: 'lognormal', medianMs: 200, sigma: 0.5 };
    expect(drawMany(latency, 'a')).toEqual(drawMany(latency, 'a'));
    expect(drawMany(latency, 'a')).not.toEqual(drawMany(latency, 'b'));
  });

  it('a range that ends before it begins is refused', () => {
    const checked = latencySchema.safeParse({ kind: 'uniform', minMs: 5, maxMs: 4 });
    expect(checked.error?.issues).toMatchObject([{ path: ['maxMs'], message: 'must not be less than minMs' }]);
  });
});
