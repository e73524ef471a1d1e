import { expect, test } from 'vitest';
import { limitsFor, type TargetDeadlines } from './limits-for.js';

const TARGET: TargetDeadlines = {
  timeoutMs: 120_000,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  reasoning: false,
};
const firstToken = (target: Partial<TargetDeadlines>, usualFirstTokenMs = 500, promptChars = 0, leftMs = Infinity) =>
  limitsFor({ ...TARGET, ...target }, { usualFirstTokenMs, promptChars, leftMs }).firstTokenMs;

test.each([
  ['a target that has not been measured has 10 s', firstToken({}), 10_000],
  ['a quick one has 5 s', firstToken({}, 80), 5_000],
  ['a slow one has 20 times what is usual for it', firstToken({}, 1_500), 30_000],
  ['but no more than a minute', firstToken({}, 60_000), 60_000],
  ['a reasoning model has a minute from the start', firstToken({ reasoning: true }), 60_000],
  ['a prompt of 100,000 tokens gives 25 s more', firstToken({}, 500, 400_000), 35_000],
  ['what is configured is meant', firstToken({ firstTokenTimeoutMs: 300 }, 1_500, 400_000), 300],
  ['the whole call is never shorter', firstToken({ timeoutMs: 2_000 }), 2_000],
  ["neither is the job's own time", firstToken({}, 500, 0, 700), 700],
])('%s', (_title, ms, expected) => {
  expect(ms).toBe(expected);
});

test('the floor of the speed is in characters, four to a token', () => {
  const limits = limitsFor(
    { ...TARGET, minTokensPerSecond: 2 },
    { usualFirstTokenMs: 500, promptChars: 0, leftMs: Infinity },
  );
  expect(limits.minCharsPerSecond).toBe(8);
});
