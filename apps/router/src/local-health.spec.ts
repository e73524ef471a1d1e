import {
  DEFAULT_POLICY,
  initialTargetState,
  type Observation,
  type TargetProfile,
  viewTarget,
} from '#libs/health-core';
import { describe, expect, test } from 'vitest';
import { LocalHealth } from './local-health.js';

const START = 1_700_000_000_000;
const profile = (id: string, provider: string): TargetProfile => ({
  id,
  provider,
  tier: 0,
  weight: 1,
  maxLatencyMs: 10_000,
  timeoutMs: 30_000,
});
const profiles = [profile('a/x', 'a'), profile('a/y', 'a'), profile('b/z', 'b')];
const outcome = (target: string, change: Partial<Observation> = {}): Observation => ({
  id: '',
  target,
  source: 'traffic',
  outcome: 'server_error',
  latencyMs: 1,
  at: START,
  ...change,
});
const create = (last = new Map()) => new LocalHealth(profiles, last, START, DEFAULT_POLICY, () => 0.5);
const breakers = (health: LocalHealth, now: number) => [...health.views(now).values()].map(({ breaker }) => breaker);

describe('a router on its own', () => {
  test('takes every target for well when it knows nothing', () => {
    expect(breakers(create(), START)).toEqual(['closed', 'closed', 'closed']);
  });

  test('keeps shut what was open in the last snapshot, and lets trials begin by time alone', () => {
    const view = viewTarget(initialTargetState(profiles[0]!, DEFAULT_POLICY), profiles[0]!, START, DEFAULT_POLICY);
    const last = new Map([['a/x', { ...view, breaker: 'open' as const, available: false, generation: 8 }]]);
    const health = create(last);
    expect(breakers(health, START)).toEqual(['open', 'closed', 'closed']);
    let now = START;
    while (breakers(health, now)[0] === 'open' && now < START + 120_000) now += 1_000;
    expect(breakers(health, now)[0]).toBe('half-open');
    const { generation } = health.views(now).get('a/x')!;
    for (let i = 0; i < DEFAULT_POLICY.trialsToClose; i++)
      health.observe(outcome('a/x', { outcome: 'success', trial: true, generation }), (now += 100));
    expect(breakers(health, now)[0]).toBe('closed');
  });

  test('opens by its own failures, and is then wary of the same provider', () => {
    const health = create();
    for (let i = 0; i < DEFAULT_POLICY.consecutiveToOpen; i++) health.observe(outcome('a/x'), START + i);
    for (let i = 0; i < DEFAULT_POLICY.consecutiveAfterSibling; i++) {
      health.observe(outcome('a/y'), START + 10 + i);
      health.observe(outcome('b/z'), START + 10 + i);
    }
    expect(breakers(health, START + 20)).toEqual(['open', 'open', 'closed']);
  });

  test('goes on when its clock is set back by an hour', () => {
    const health = create();
    for (let i = 0; i < DEFAULT_POLICY.consecutiveToOpen; i++) health.observe(outcome('a/x'), START + i);
    let now = START - 3_600_000;
    for (let i = 0; i < 60; i++) health.views((now += 1_000));
    expect(breakers(health, now)[0]).toBe('half-open');
  });
});
