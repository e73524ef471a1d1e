import { describe, expect, test } from 'vitest';
import { exhaustedLimitMs } from './exhausted-limit.js';
import { retryAfterMs } from './retry-after.js';

const now = Date.UTC(2026, 0, 1);

describe('retryAfterMs', () => {
  test.each([
    ['seconds', { 'retry-after': '2' }, 2000],
    ['fractions of a second', { 'retry-after': '0.5' }, 500],
    ['a date', { 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }, 5000],
    ['a date of RFC 850', { 'retry-after': 'Thursday, 01-Jan-26 00:00:05 GMT' }, 5000],
    ['a date of asctime, which is GMT too', { 'retry-after': 'Thu Jan  1 00:00:05 2026' }, 5000],
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

const retryInfo = (retryDelay: unknown) => ({
  error: { details: [{ '@type': 'x/QuotaFailure' }, { '@type': 'x/RetryInfo', retryDelay }] },
});

describe('a wait in the body', () => {
  test.each([
    ['of Gemini, in seconds', retryInfo('36s'), 36_000],
    ['of Gemini, in fractions', retryInfo('1.2036s'), 1204],
    ['of Gemini, in a list', [retryInfo('2s')], 2000],
    ['of Gemini, garbage', retryInfo('soon'), undefined],
    ['of Gemini, not even text', retryInfo(36), undefined],
    ['of Gemini, beyond all bounds', retryInfo('999999999999s'), 86_400_000],
    ['of a relay, until its budget resets', { error: { metadata: { resets_at: '2026-01-01T00:01:00Z' } } }, 60_000],
    ['of a relay, garbage', { error: { metadata: { resets_at: '2026-99-99T' } } }, undefined],
    ['that is none', 'text', undefined],
  ])('is read: %s', (_what, body, expected) => {
    expect(retryAfterMs({}, now, body)).toBe(expected);
  });

  test('counts less than a header', () => {
    expect(retryAfterMs({ 'retry-after': '1' }, now, retryInfo('36s'))).toBe(1000);
    expect(retryAfterMs({ 'retry-after': 'soon' }, now, retryInfo('36s'))).toBe(36_000);
  });
});

describe('a rate limit that is used up', () => {
  const anthropic = (dimension: string, remaining: string, reset: string) => ({
    [`anthropic-ratelimit-${dimension}-remaining`]: remaining,
    [`anthropic-ratelimit-${dimension}-reset`]: reset,
  });
  const openAi = (dimension: string, remaining: string, reset: string) => ({
    [`x-ratelimit-remaining-${dimension}`]: remaining,
    [`x-ratelimit-reset-${dimension}`]: reset,
  });

  test.each([
    ['minutes', openAi('requests', '0', '6m0s'), 360_000],
    ['milliseconds', openAi('tokens', '0', '12ms'), 12],
    ['hours, minutes and fractions', openAi('tokens', '0', '1h2m3.5s'), 3_723_500],
    ['plain seconds', openAi('tokens', '0', '7'), 7000],
    ['the longest of two', { ...openAi('tokens', '0', '2s'), ...openAi('requests', '0', '1s') }, 2000],
    ['only those used up', { ...openAi('tokens', '0', '2s'), ...openAi('requests', '9', '60s') }, 2000],
    ['none used up', openAi('tokens', '1', '2s'), undefined],
    ['a date', anthropic('input-tokens', '0', '2026-01-01T00:00:30Z'), 30_000],
    ['a date in the past', anthropic('requests', '0', '2025-12-31T00:00:00Z'), 0],
    ['a broken date', anthropic('requests', '0', '2026-13-45T99:00:00Z'), undefined],
    ['a time since 1970', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 5000) }, 5000],
    ['garbage', openAi('tokens', '0', '12 parsecs'), undefined],
    ['no reset at all', { 'x-ratelimit-remaining-tokens': '0' }, undefined],
  ])('is read: %s', (_what, headers, expected) => {
    expect(exhaustedLimitMs(headers, now)).toBe(expected);
  });
});
