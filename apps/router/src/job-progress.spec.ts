import type { Attempt } from '#libs/contracts';
import { expect, test } from 'vitest';
import { readProgress, withoutMiddle } from './job-progress.js';

const attempt = (number: number): Attempt => ({
  number,
  target: 'a',
  outcome: 'timeout',
  startedAt: number,
  latencyMs: 1,
});
const attempts = (count: number) => Array.from({ length: count }, (_, i) => attempt(i + 1));

test('a story of up to fifty attempts is kept whole', () => {
  expect(withoutMiddle(attempts(50))).toEqual(attempts(50));
});

test('of a longer one the first ten and the last forty are kept, under their numbers', () => {
  const kept = withoutMiddle(attempts(1_000)).map(({ number }) => number);
  expect(kept).toHaveLength(50);
  expect(kept.slice(8, 12)).toEqual([9, 10, 961, 962]);
});

test.each([null, 0, {}, { attempts: 'x' }])('a job with %j as its progress has not been tried', (stored) => {
  expect(readProgress(stored, 7)).toEqual({ attempts: [], parkings: 0, firstStartedAt: 7 });
});
