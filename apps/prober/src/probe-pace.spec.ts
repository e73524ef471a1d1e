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
    publish: (health: Partial<TargetHealth>) => {
      const targets = [{ target: 'a/x', generation: 0, ...health } as TargetHealth];
      for (const listener of listeners) listener({ epoch: 1, version: 1, at: 1, scoring: 'adaptive', targets });
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

  it('forgets what an aggregator wished that is silent now', () => {
    const feed = feedOf();
    const pace = new SnapshotPace(config, feed);
    feed.publish({ probeIntervalMs: 1_000 });
    feed.age = 6_000;
    expect(pace.intervalMs('a/x')).toBe(10_000);
  });
});
