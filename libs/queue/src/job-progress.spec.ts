import type { Attempt } from '#libs/contracts';
import { expect, test } from 'vitest';
import { endInFlight, readProgress, withoutMiddle } from './job-progress.js';

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

test('what an attempt found wrong with the request is kept wherever it stands', () => {
  const story = attempts(1_000).with(499, { ...attempt(500), outcome: 'context_length' });
  expect(withoutMiddle(story).filter(({ outcome }) => outcome === 'context_length')).toEqual([story[499]]);
});

test.each([null, 0, {}, { attempts: 'x' }])('a job with %j as its progress has not been tried', (stored) => {
  expect(readProgress(stored, 7)).toEqual({ attempts: [], parkings: 0, firstStartedAt: 7 });
});

test('a call that was under way becomes an attempt under its own number, and is under way no more', () => {
  const inFlight = { number: 2, target: 'b', startedAt: 5 };
  const progress = { attempts: attempts(1), parkings: 0, firstStartedAt: 1, inFlight };
  const lost = { outcome: 'lost', message: 'gone', latencyMs: 0 } as const;
  expect(endInFlight(readProgress(progress, 9), lost)).toEqual({
    attempts: [attempt(1), { number: 2, target: 'b', startedAt: 5, ...lost }],
    parkings: 0,
    firstStartedAt: 1,
  });
});

test('where no call was under way nothing is added', () => {
  const progress = { attempts: attempts(1), parkings: 2, firstStartedAt: 1 };
  expect(endInFlight(progress, { outcome: 'lost', latencyMs: 0 })).toEqual(progress);
});
