import { expect, test } from 'vitest';
import { QuietPeriod } from './quiet-period.js';

test('the first message passes, then one per period that says how many were held back', () => {
  const quiet = new QuietPeriod(1_000);
  const answers = [0, 1, 999, 1_000, 1_500, 5_000].map((now) => quiet.pass('openai/gpt-4', now));
  expect(answers).toEqual([0, null, null, 2, null, 1]);
  expect(quiet.pass('another', 1)).toBe(0);
});
