import { describe, expect, it } from 'vitest';
import { jobArrivals } from './traffic.js';

const HOUR_MS = 3_600_000;
/** An hour with 3,600 rows, all of them in its first ten minutes. */
const BURST = Array.from({ length: 3_600 }, (_, i) => ({
  offsetMs: i * 166,
  contextTokens: i,
  generatedTokens: 2 * i,
}));
const RECORDING = [...BURST, { offsetMs: HOUR_MS, contextTokens: 1, generatedTokens: 2 }];

const arrivals = (jobsPerHour: number, hours: number, seed = 1) => [
  ...jobArrivals(RECORDING, { fromMs: 0, toMs: hours * HOUR_MS, jobsPerHour, seed }),
];

describe('jobArrivals', () => {
  it.each([10, 360, 3_600, 36_000])('gives %i jobs an hour on average', (jobsPerHour) => {
    const hours = 40;
    const expected = jobsPerHour * hours;
    expect(Math.abs(arrivals(jobsPerHour, hours).length - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it('keeps the bursts of the recording in their places when it leaves rows out', () => {
    const inBurst = arrivals(360, 40).filter(({ atMs }) => atMs % HOUR_MS < HOUR_MS / 5);
    expect(inBurst.length / arrivals(360, 40).length).toBeGreaterThan(0.9);
  });

  it('keeps sizes together with their rows', () => {
    for (const { contextTokens, generatedTokens } of arrivals(360, 2)) expect(generatedTokens).toBe(2 * contextTokens);
  });

  it('never goes back in time, and numbers the jobs from 0', () => {
    const jobs = arrivals(7_200, 3);
    expect(jobs.map(({ number }) => number)).toEqual(jobs.map((_, i) => i));
    const times = jobs.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('gives the same jobs for the same seed, and others for another', () => {
    expect(arrivals(100, 5)).toEqual(arrivals(100, 5));
    expect(arrivals(100, 5)).not.toEqual(arrivals(100, 5, 2));
  });
});
