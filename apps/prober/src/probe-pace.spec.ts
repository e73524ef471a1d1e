import { parseConfig } from '#libs/config';
import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import { describe, expect, it } from 'vitest';
import { SnapshotPace } from './probe-pace.js';

const config = parseConfig(
  `
providers: { a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' } }
targets: [{ provider: a, model: x }]
probes: { intervalMs: 10000 }
`,
  {},
);

/** A feed that says what a test puts into it. */
function feedOf() {
  const listeners: ((snapshot: HealthSnapshot) => void)[] = [];
  const feed = {
    age: 0,
    ageMs: () => feed.age,
    onChange: (listener: (snapshot: HealthSnapshot) => void) => {
      listeners.push(listener);
      return () => {};
    },
    publish: (health: Partial<TargetHealth>, at = 1) => {
      const targets = [{ target: 'a/x', generation: 0, ...health } as TargetHealth];
      for (const listener of listeners) listener({ epoch: 1, version: 1, at, scoring: 'adaptive', targets });
    },
  };
  return feed;
}

describe('SnapshotPace', () => {
  it('is the configured one until the aggregator has spoken', () => {
    const pace = new SnapshotPace(config, feedOf());
    expect([pace.intervalMs('a/x'), pace.generation('a/x')]).toEqual([10_000, undefined]);
  });

  it('follows the aggregator, and tells who planned by the old one', () => {
    const feed = feedOf();
    const pace = new SnapshotPace(config, feed);
    const heard: number[] = [];
    pace.onChange(() => heard.push(pace.intervalMs('a/x')));
    feed.publish({ probeIntervalMs: 1_000, generation: 5 });
    expect(heard).toEqual([1_000]);
    expect(pace.generation('a/x')).toBe(5);
  });

  it('is never slower than configured', () => {
    const feed = feedOf();
    const pace = new SnapshotPace(config, feed);
    feed.publish({ probeIntervalMs: 60_000 });
    expect(pace.intervalMs('a/x')).toBe(10_000);
  });

  it('is slower for a target that is disabled, also while the aggregator is silent', () => {
    const feed = feedOf();
    const pace = new SnapshotPace(config, feed);
    feed.publish({ probeIntervalMs: 900_000, breaker: 'open', reason: 'auth' });
    expect(pace.intervalMs('a/x')).toBe(900_000);
    feed.age = 600_000;
    expect(pace.intervalMs('a/x')).toBe(900_000);
    feed.publish({ probeIntervalMs: 900_000, breaker: 'half-open', reason: 'auth' });
    expect(pace.intervalMs('a/x')).toBe(10_000);
  });

  it('forgets what an aggregator wished that is silent now', () => {
    const feed = feedOf();
    const pace = new SnapshotPace(config, feed);
    feed.publish({ probeIntervalMs: 1_000 });
    feed.age = 6_000;
    expect(pace.intervalMs('a/x')).toBe(10_000);
  });

  describe('spares a ping', () => {
    const seen = { healthy: true, consecutiveFailures: 0, lastGoodTrafficAt: 1_000_000, probeIntervalMs: 10_000 };
    const spared = (
      change: Partial<TargetHealth> = {},
      { slot = 1, intervalMs = 10_000, sincePublished = 0, from = config } = {},
    ) => {
      const feed = feedOf();
      const pace = new SnapshotPace(from, feed);
      feed.publish({ ...seen, ...change }, 1_001_000);
      feed.age = sincePublished;
      return pace.isSpared({ target: 'a/x', slot, intervalMs });
    };

    it('while jobs have just been answered', () => {
      expect(spared()).toBe(true);
    });

    it.each([
      ['each fourth time', spared({}, { slot: 8 })],
      ['of a target that is not healthy', spared({ healthy: false })],
      ['of a target that has just failed', spared({ consecutiveFailures: 1 })],
      ['when the last good job is half an interval ago', spared({ lastGoodTrafficAt: 996_000 })],
      ['when it has become so since the snapshot', spared({}, { sincePublished: 4_500 })],
      ['when more is wanted to be known', spared({}, { intervalMs: 1_000 })],
      ['when nobody publishes', spared({}, { sincePublished: 60_000 })],
      ['when no job has ever been answered', spared({ lastGoodTrafficAt: 0 })],
      [
        'where the formulas know pings alone',
        spared({}, { from: { ...config, health: { ...config.health, scoring: 'article' } } }),
      ],
      [
        'where it is not wanted',
        spared({}, { from: { ...config, probes: { ...config.probes, spareWithTraffic: false } } }),
      ],
    ])('but not %s', (_when, isSpared) => {
      expect(isSpared).toBe(false);
    });
  });
});
