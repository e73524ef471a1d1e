import { describe, expect, test } from 'vitest';
import { articleScore, successRate } from './article-score.js';
import { DEFAULT_POLICY } from './policy.js';

describe('article score', () => {
  test.each([
    [120, 1, 92.8],
    [0, 1, 100],
    [250, 0.9, 78],
    [499, 1, 70.06],
    [500, 1, 70],
    [2000, 1, 70],
    [120, 0.98, 91.4],
    [100, 0.5, 59],
    [100, 0.4, 52],
    [600, 0.71, 49.7],
    [600, 0.72, 50.4],
  ])('%d ms and success %d give %d', (latencyMs, success, score) => {
    expect(articleScore(latencyMs, success)).toBeCloseTo(score, 10);
  });

  test('the line between unhealthy and healthy lies between the golden values 49.7 and 50.4', () => {
    expect(articleScore(600, 0.71)).toBeLessThan(DEFAULT_POLICY.healthyAboveScore);
    expect(articleScore(600, 0.72)).toBeGreaterThan(DEFAULT_POLICY.healthyAboveScore);
  });

  test('a target that was never probed is scored by its success alone', () => {
    expect(articleScore(null, 1)).toBe(100);
    expect(articleScore(null, 0.5)).toBeCloseTo(65);
  });

  test('success is taken for granted before the first call', () => {
    expect(successRate(0, 0)).toBe(1);
    expect(successRate(8, 2)).toBe(0.75);
  });
});
