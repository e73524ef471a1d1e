import { describe, expect, test } from 'vitest';
import { choose } from './choose.js';
import type { RouteQuestion } from './decision.js';
import { DEFAULT_POLICY, type HealthPolicy } from './policy.js';
import { initialRoutingState, type RoutingState } from './routing-state.js';
import { settle } from './settle.js';
import { aView, START } from './story.fixture.js';

const [a, sibling, other] = [aView('a/x'), aView('a/y'), aView('b/x')];
const LOST = { outcome: 'dns_tls', latencyMs: 5 } as const;
const GOOD = { outcome: 'success', latencyMs: 5 } as const;

const after = (end: Parameters<typeof settle>[2], routing = initialRoutingState(), at = START) =>
  settle(routing, a.target, end, at, 0, DEFAULT_POLICY, [sibling.target]);
const lost = after(LOST);

const ask = (
  change: Partial<RouteQuestion>,
  routing: RoutingState,
  at = START,
  policy: HealthPolicy = DEFAULT_POLICY,
) =>
  choose(
    {
      primary: [],
      standIns: [],
      fallbacks: [],
      tried: new Set(),
      failedProviders: new Set(),
      isRetry: false,
      ...change,
    },
    routing,
    at,
    0.5,
    policy,
  );

describe('a host whose name is not found or whose certificate is refused', () => {
  test('all its targets are left alone for a minute by the router that met it, and nobody else’s', () => {
    const first = ask({ primary: [a, sibling, other] }, lost, START + 59_999);
    expect(first.choice?.target).toBe('b/x');
    expect(first.excluded).toEqual([
      { target: 'a/x', reason: 'host_skipped' },
      { target: 'a/y', reason: 'host_skipped' },
    ]);
    expect(ask({ primary: [a, sibling, other] }, lost, START + 60_000).excluded).toEqual([]);
  });

  test('further failures of the same host make the time begin anew', () => {
    const again = after(LOST, lost, START + 50_000);
    expect(ask({ primary: [a, other] }, again, START + 109_999).choice?.target).toBe('b/x');
  });

  test('it is asked all the same when nobody else is left, so that no job waits for a guess', () => {
    expect(ask({ primary: [a] }, lost).choice).toMatchObject({ target: 'a/x', kind: 'last-resort' });
    const down = { ...other, breaker: 'open', available: false, reason: 'consecutive_failures' } as const;
    expect(ask({ primary: [a, down] }, lost).choice).toMatchObject({ target: 'a/x', kind: 'last-resort' });
    const tried = ask({ primary: [a], isRetry: true, tried: new Set(['a/x']) }, lost);
    expect(tried).toMatchObject({ choice: null, waitMs: DEFAULT_POLICY.parkTriedMs });
  });

  test('drained targets are asked before it, and one that is only blocked for a moment is waited for', () => {
    expect(ask({ primary: [a], fallbacks: [{ ...other, weight: 0 }] }, lost).choice?.target).toBe('b/x');
    const blocked = { ...other, blockedUntil: START + 3_000 };
    expect(ask({ primary: [a, blocked] }, lost)).toMatchObject({ choice: null, waitMs: 3_000 });
  });

  test('one answer from the host ends it for all its targets', () => {
    const answered = after(GOOD, lost, START + 10_000);
    expect(ask({ primary: [a, sibling] }, answered, START + 10_000).excluded).toEqual([]);
  });

  test('a breaker that opens lets probes take over: once it has closed, the target is asked at once', () => {
    const half = { ...a, breaker: 'half-open', available: false } as const;
    expect(ask({ primary: [half] }, lost).choice?.kind).toBe('trial');
    const back = { ...a, closedAt: START + 20_000 };
    expect(ask({ primary: [back] }, lost, START + 40_000).choice?.kind).toBe('primary');
  });

  test('a policy without a time skips nothing', () => {
    const none = { ...DEFAULT_POLICY, hostSkipMs: 0 };
    expect(ask({ primary: [a] }, lost, START, none).choice?.kind).toBe('primary');
  });

  test('a clock that goes back takes the time with it', () => {
    const moved = ask({ primary: [a, other] }, lost, START - 3_600_000).routing;
    expect(ask({ primary: [a, other] }, moved, START - 3_600_000 + 60_000).excluded).toEqual([]);
  });
});
