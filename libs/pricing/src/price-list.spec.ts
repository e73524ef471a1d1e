import { describe, expect, test } from 'vitest';
import { estimateInput, estimateUsage } from './estimate-usage.js';
import { isSubstitute } from './is-substitute.js';
import { PriceList, type PricedCall } from './price-list.js';

const NOON = Date.UTC(2026, 10, 23, 12);
const OPENAI = 'https://api.openai.com/v1';
const usage = { inputTokens: 1_000, outputTokens: 100, estimated: false };
const cost = (call: Partial<PricedCall>) =>
  new PriceList().costOf({ baseUrl: OPENAI, model: 'gpt-4', usage, ...call }, NOON);

describe('the cost of an answer', () => {
  test('is by the configured price, which wins over the list', () => {
    const price = { inputPerMillion: 1, outputPerMillion: 2 };
    expect(cost({ price })).toEqual({ usd: 0.0012, source: 'config', estimated: false });
  });

  test('counts cached input at its own price', () => {
    const price = { inputPerMillion: 1, outputPerMillion: 0, cachedInputPerMillion: 0.1 };
    expect(cost({ price, usage: { ...usage, cachedInputTokens: 500 } }).usd).toBeCloseTo(0.00055, 12);
  });

  test('is free when it is configured to be', () => {
    expect(cost({ price: { inputPerMillion: 0, outputPerMillion: 0 } }).usd).toBe(0);
  });

  test('is by the list where the provider and the model are known, dated names included', () => {
    expect(cost({})).toEqual({ usd: 0.036, source: 'library', estimated: false });
    expect(cost({ model: 'gpt-4o-2024-08-06' })).toEqual({ usd: 0.0035, source: 'library', estimated: false });
  });

  test('is told to be approximate where only a model of a similar name is known', () => {
    expect(cost({ baseUrl: 'https://api.anthropic.com/v1', model: 'claude-sonnet-5-5' }).source).toBe('approx');
  });

  test('is told to be approximate at a relay that the list does not know', () => {
    expect(cost({ baseUrl: 'https://relay.example/v1' })).toEqual({ usd: 0.036, source: 'approx', estimated: false });
  });

  test('is unknown, and not 0, for a model that nobody knows', () => {
    expect(cost({ model: 'house-model' })).toEqual({ usd: null, source: 'unknown', estimated: false });
  });

  test('rises with the tiers of a price', () => {
    const gemini = { baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai', model: 'gemini-2.5-pro' };
    const small = cost({ ...gemini, usage: { inputTokens: 100_000, outputTokens: 0, estimated: false } }).usd!;
    const large = cost({ ...gemini, usage: { inputTokens: 300_000, outputTokens: 0, estimated: false } }).usd!;
    expect(large).toBeGreaterThan(small * 3.5);
  });

  test('is the same when the price is remembered', () => {
    const list = new PriceList();
    const ask = (now: number) => list.costOf({ baseUrl: OPENAI, model: 'gpt-4', usage }, now);
    expect([ask(NOON), ask(NOON + 1_000), ask(NOON - 3_600_000)].map(({ usd }) => usd)).toEqual([0.036, 0.036, 0.036]);
  });

  test('is unknown where it is beyond all numbers', () => {
    const price = { inputPerMillion: 100_000, outputPerMillion: 0 };
    expect(cost({ price, usage: { ...usage, inputTokens: 1e306 } })).toMatchObject({ usd: null, source: 'unknown' });
  });

  test('is unknown for usage that cannot be: more from the cache than was read', () => {
    const { usd } = cost({ usage: { inputTokens: 1, outputTokens: 1, cachedInputTokens: 5, estimated: false } });
    expect(usd === null || usd >= 0).toBe(true);
  });
});

test.each([
  ['gpt-4o', 'gpt-4o-2024-08-06', false],
  ['gpt-4', 'gpt-4-0613', false],
  ['claude-sonnet-4', 'claude-sonnet-4-20250514', false],
  ['gemini-2.5-flash', 'models/gemini-2.5-flash', false],
  ['openai/gpt-4', 'GPT-4', false],
  ['gemini-2.0-flash', 'gemini-2.0-flash-001', false],
  ['gemini-2.5-flash', 'gemini-3.5-flash-lite', true],
  ['gpt-4', 'gpt-4o', true],
])('asked for %s and served by %s: substituted %s', (asked, served, substituted) => {
  expect(isSubstitute(asked, served)).toBe(substituted);
});

test('tokens are estimated from all texts, but not from pictures', () => {
  const request = {
    model: 'm',
    messages: [
      { role: 'user', content: 'a'.repeat(400) },
      {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(9_000)}` } }],
      },
    ],
  };
  const answer = { choices: [{ message: { content: 'b'.repeat(40) } }] };
  const { inputTokens, outputTokens } = estimateUsage(request, answer as never);
  expect(outputTokens).toBe(10);
  expect(inputTokens).toBeGreaterThanOrEqual(100);
  expect(inputTokens).toBeLessThan(110);
});

test.each([
  ['a text', 'a'.repeat(41), 11],
  ['texts', ['a'.repeat(4), 'a'.repeat(8)], 3],
  ['the tokens of one text', [5, 6, 7], 3],
  ['the tokens of several', [[5, 6], [7]], 3],
])('of what is to be embedded, tokens are counted and texts estimated: %s', (_what, input, tokens) => {
  expect(estimateInput({ input })).toBe(tokens);
});
