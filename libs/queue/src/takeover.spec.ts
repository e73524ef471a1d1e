import { expect, test } from 'vitest';
import { takeoverTimes } from './takeover.js';

test.each([2_000, 13_000, 600_000])('a lock and two checks end within %i ms, with a little time to spare', (ms) => {
  const { lockDuration, stalledInterval } = takeoverTimes(ms);
  expect(lockDuration + 2 * stalledInterval).toBeLessThanOrEqual(ms * 0.98);
  expect(lockDuration + 2 * stalledInterval).toBeGreaterThan(ms * 0.97);
});

test('a job that is being worked on is seen by two checks before its lock can end', () => {
  // Only a job that an earlier check has noted can be taken over by a later one.
  const { lockDuration, stalledInterval } = takeoverTimes(2_000);
  expect(lockDuration).toBeGreaterThan(2 * stalledInterval);
});
