import { expect, test } from 'vitest';
import { pauseBeforeNextPass } from './pause-before-next-pass.js';

test.each([
  ['the first pause is half a second', 0, undefined, 0.5, 500],
  ['jitter takes a quarter away', 0, undefined, 0, 375],
  ['each pass doubles it', 2, undefined, 0.5, 2000],
  ['it is never longer than ten seconds and a quarter', 50, undefined, 1, 12_500],
  ['a provider’s wish is the least', 0, 3000, 0.5, 3000],
  ['a shorter wish changes nothing', 4, 100, 0.5, 8000],
  ['an absurd wish is bounded', 0, 9e9, 0.5, 120_000],
])('%s', (_guarantee, pass, retryAfterMs, draw, expected) => {
  expect(pauseBeforeNextPass(pass, retryAfterMs, draw)).toBe(expected);
});
