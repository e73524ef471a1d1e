import { DEFAULT_POLICY as policy } from '#libs/health-core';
import { describe, expect, test } from 'vitest';
import { OwnBlocks } from './own-blocks.js';

const NOW = 1_780_000_000_000;
const view = (blockedUntil: number) => ({ target: 'a/x', blockedUntil });

describe('a shared block', () => {
  test('ends for each router at a time of its own, never before it ends for all', () => {
    const ends = [0, 0.5, 0.999].map((draw) => new OwnBlocks(policy, () => draw).own(view(NOW + 10_000), NOW) - NOW);
    expect(ends).toEqual([10_000, 10_500, 10_999]);
  });

  test('keeps its end while it is published again and again', () => {
    const draws = [0.2, 0.9];
    const blocks = new OwnBlocks(policy, () => draws.shift()!);
    const first = blocks.own(view(NOW + 10_000), NOW);
    expect(blocks.own(view(NOW + 10_000), NOW + 3_000)).toBe(first);
    expect(blocks.own(view(NOW + 20_000), NOW + 3_000)).toBeGreaterThan(NOW + 20_000);
  });

  test('that is over, or never was, holds nobody back', () => {
    const blocks = new OwnBlocks(policy);
    expect(blocks.own(view(0), NOW)).toBe(0);
    expect(blocks.own(view(NOW - 1), NOW)).toBe(NOW - 1);
  });

  test('is never longer than the longest that is obeyed', () => {
    const end = new OwnBlocks(policy, () => 0).own(view(NOW + 86_400_000), NOW);
    expect(end - NOW).toBe(policy.retryAfterMaxMs);
  });
});
