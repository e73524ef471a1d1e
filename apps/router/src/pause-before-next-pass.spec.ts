import { expect, test } from 'vitest';
import { pauseBeforeNextPass } from './pause-before-next-pass.js';

test.each([
  ['the first pause is half a second', 0, 0.5, 500],
  ['jitter takes a quarter away', 0, 0, 375],
  ['each pass doubles it', 2, 0.5, 2000],
  ['it is never longer than ten seconds and a quarter', 50, 1, 12_500],
])('%s', (_guarantee, parkings, draw, expected) => {
  expect(pauseBeforeNextPass(parkings, draw)).toBe(expected);
});
