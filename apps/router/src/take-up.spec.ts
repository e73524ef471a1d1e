import { expect, test } from 'vitest';
import { takeUp } from './take-up.js';

const failed = { number: 1, target: 'a', outcome: 'timeout', startedAt: 1_100, latencyMs: 1 };
const kept = { attempts: [failed], parkings: 3, firstStartedAt: 1_000 };

test('a job that nobody has worked on begins now', () => {
  expect(takeUp(0, 5_000)).toEqual({
    progress: { attempts: [], parkings: 0, firstStartedAt: 5_000 },
    lost: undefined,
  });
});

test('a job that was handed over in good order goes on where it stood', () => {
  expect(takeUp(kept, 5_000)).toEqual({ progress: kept, lost: undefined });
});

test('a call that was under way when its router vanished is a lost attempt, and numbers go on counting', () => {
  const { progress, lost } = takeUp({ ...kept, inFlight: { number: 2, target: 'b', startedAt: 1_200 } }, 5_000);
  expect(lost).toEqual({ number: 2, target: 'b' });
  expect(progress).toEqual({
    ...kept,
    attempts: [
      failed,
      {
        number: 2,
        target: 'b',
        outcome: 'lost',
        message: 'The router that made this call vanished during it',
        startedAt: 1_200,
        latencyMs: 3_800,
      },
    ],
  });
});

test('a call whose end is known is not lost', () => {
  const { progress, lost } = takeUp({ ...kept, inFlight: { number: 1, target: 'a', startedAt: 1_100 } }, 5_000);
  expect(lost).toBeUndefined();
  expect(progress.attempts).toEqual([failed]);
});
