import { describe, expect, test } from 'vitest';
import { retryAfterMs } from './retry-after.js';

const now = Date.UTC(2026, 0, 1);

describe('retryAfterMs', () => {
  test.each([
    ['seconds', { 'retry-after': '2' }, 2000],
    ['fractions of a second', { 'retry-after': '0.5' }, 500],
    ['a date', { 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }, 5000],
    ['a date in the past', { 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    ['milliseconds before seconds', { 'retry-after-ms': '150', 'retry-after': '9' }, 150],
    ["Azure's header", { 'x-ms-retry-after-ms': '700' }, 700],
    ['the first of several values', { 'retry-after': ['3', '9'] }, 3000],
    ['a negative wait', { 'retry-after': '-5' }, 0],
    ['a wait of 11 days', { 'retry-after': '1000000' }, 86_400_000],
    ['garbage', { 'retry-after': 'soon' }, undefined],
    ['an empty value', { 'retry-after': '' }, undefined],
    ['garbage before a good value', { 'retry-after-ms': 'NaN', 'retry-after': '1' }, 1000],
    ['nothing', {}, undefined],
  ])('reads %s', (_what, headers, expected) => {
    expect(retryAfterMs(headers, now)).toBe(expected);
  });
});
