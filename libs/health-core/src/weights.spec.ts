import { describe, expect, test } from 'vitest';
import { routingWeights } from './weights.js';

const healthy = (weight: number, score: number) => ({ weight, score, healthy: true });

describe('routing weights', () => {
  test("they are the article's numbers", () => {
    const weights = routingWeights([healthy(40, 92.8), healthy(30, 78), healthy(30, 70)]);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const expected = [1541.5282, 971.7608, 872.093];
    for (const [i, weight] of expected.entries()) expect(weights[i]).toBeCloseTo(weight, 4);
    expect(total).toBeCloseTo(3385.3821, 4);
    expect(weights.map((weight) => +((weight / total) * 100).toFixed(4))).toEqual([45.5348, 28.7046, 25.7605]);
  });

  test('an unhealthy target gets nothing, and its score does not thin out the others', () => {
    const alone = routingWeights([healthy(3, 90)]);
    expect(routingWeights([healthy(3, 90), { weight: 5, score: 40, healthy: false }])).toEqual([...alone, 0]);
  });

  test('all weights are 0 when no target is healthy', () => {
    expect(routingWeights([{ weight: 3, score: 20, healthy: false }])).toEqual([0]);
    expect(routingWeights([])).toEqual([]);
  });
});
