import { DEFAULT_POLICY } from '#libs/health-core';
import { expect, test } from 'vitest';
import { longestWait, parkPause } from './park-pause.js';

test.each([
  ['waits exactly as long as it takes', 500, 60_000, 500],
  ['with a deadline that is nearer tries once more before it', 120_000, 60_000, 57_000],
  ['with little time left still uses it', 500, 700, 500],
  ['without time for another try is not parked', 500, 200, null],
  ['that has just had its last try is not parked', 60_000, 3_000, null],
])('a job that %s', (_guarantee, waitMs, leftMs, pauseMs) => {
  expect(parkPause(waitMs, leftMs, DEFAULT_POLICY)).toBe(pauseMs);
});

test.each([
  ['has a last chance while a call still fits in before its deadline', 60_000, 57_000],
  ['that has had its last chance waits until its deadline', 3_000, 3_000],
  ['with little time from the start waits until its deadline', 800, 800],
  ['whose deadline is over waits no longer', -5, 0],
])('a job that nobody can be asked for and that %s', (_guarantee, leftMs, pauseMs) => {
  expect(longestWait(leftMs, DEFAULT_POLICY)).toBe(pauseMs);
});
