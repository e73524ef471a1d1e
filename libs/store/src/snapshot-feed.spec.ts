import { redisKeys, type HealthSnapshot } from '#libs/contracts';
import { connectRedis, type Redis } from '#libs/redis';
import { redisGate, uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SnapshotFeed } from './snapshot-feed.js';
import { snapshotOf } from './snapshot.fixture.js';

const redisUrl = process.env.REDIS_URL!;
let prefix: string;
let keys: ReturnType<typeof redisKeys>;
let redis: Redis;
const feeds: SnapshotFeed[] = [];

beforeEach(() => {
  prefix = uniquePrefix();
  keys = redisKeys(prefix);
  redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
});

afterEach(async () => {
  await Promise.all(feeds.splice(0).map((feed) => feed.close()));
  redis.disconnect();
});

function follow(options: { redisUrl?: string; rereadEveryMs?: number } = {}): SnapshotFeed {
  const feed = new SnapshotFeed({ redisUrl, prefix, rereadEveryMs: 60_000, ...options });
  feeds.push(feed);
  feed.start();
  return feed;
}

const store = (snapshot: HealthSnapshot) => redis.set(keys.snapshot, JSON.stringify(snapshot));
const tell = (snapshot: HealthSnapshot) => redis.publish(keys.healthChanged, JSON.stringify(snapshot));
const shows = (feed: SnapshotFeed, epoch: number, version: number) =>
  vi.waitFor(() => expect(feed.current).toMatchObject({ epoch, version }), { interval: 10 });
const subscribed = () =>
  vi.waitFor(async () => expect(await redis.pubsub('NUMSUB', keys.healthChanged)).toEqual([keys.healthChanged, 1]));

describe('snapshot feed', () => {
  test('it finds the stored snapshot at start, although nobody publishes any more', async () => {
    await store(snapshotOf(1, 7));
    await shows(follow(), 1, 7);
  });

  test('it hears a publication at once and tells its listeners', async () => {
    const feed = follow();
    const heard: number[] = [];
    feed.onChange(({ version }) => heard.push(version));
    await subscribed();
    await tell(snapshotOf(1, 1));
    await tell(snapshotOf(1, 2));
    await shows(feed, 1, 2);
    expect(heard).toEqual([1, 2]);
  });

  test('older, repeated and malformed messages are ignored', async () => {
    const feed = follow();
    const heard: string[] = [];
    feed.onChange(({ epoch, version }) => heard.push(`${epoch}.${version}`));
    await subscribed();
    await tell(snapshotOf(2, 5));
    for (const old of [snapshotOf(2, 5), snapshotOf(2, 4), snapshotOf(1, 99)]) await tell(old);
    for (const garbage of ['', 'null', '{"epoch":9,"version":9}', '{'])
      await redis.publish(keys.healthChanged, garbage);
    await tell(snapshotOf(3, 1));
    await shows(feed, 3, 1);
    expect(heard).toEqual(['2.5', '3.1']);
  });

  test('it starts while Redis is absent and follows once it is there', async () => {
    const gate = await redisGate(redisUrl, 'shut');
    const feed = follow({ redisUrl: gate.url });
    await store(snapshotOf(1, 1));
    expect(feed.current).toBeNull();
    await gate.open();
    await shows(feed, 1, 1);
    await subscribed();
    await tell(snapshotOf(1, 2));
    await shows(feed, 1, 2);
    await gate.shut();
  });

  test('after a lost connection it reads what was published meanwhile, and hears what comes next', async () => {
    const gate = await redisGate(redisUrl);
    const feed = follow({ redisUrl: gate.url });
    await store(snapshotOf(1, 1));
    await shows(feed, 1, 1);
    await gate.shut();
    await store(snapshotOf(1, 2));
    expect(feed.current).toMatchObject({ version: 1 });
    await gate.open();
    await shows(feed, 1, 2);
    await subscribed();
    await tell(snapshotOf(1, 3));
    await shows(feed, 1, 3);
    await gate.shut();
  });

  test('a message that never arrives only costs time', async () => {
    const feed = follow({ rereadEveryMs: 50 });
    await subscribed();
    await store(snapshotOf(1, 1));
    await shows(feed, 1, 1);
  });

  test('when Redis has gone back to an older snapshot, so does the feed', async () => {
    const feed = follow({ rereadEveryMs: 50 });
    await store(snapshotOf(9, 400));
    await shows(feed, 9, 400);
    await store(snapshotOf(1, 1));
    await shows(feed, 1, 1);
  });

  test('when Redis is emptied, the last snapshot stays in use', async () => {
    const feed = follow({ rereadEveryMs: 20 });
    await store(snapshotOf(1, 1));
    await shows(feed, 1, 1);
    await redis.del(keys.snapshot);
    await vi.waitFor(async () => expect(Number(await redis.exists(keys.snapshot))).toBe(0));
    await store(snapshotOf(1, 2));
    await shows(feed, 1, 2);
  });

  test('what is found in Redis is as old as it says, what is heard is new', async () => {
    const feed = follow();
    expect(feed.ageMs()).toBe(Infinity);
    await subscribed();
    await store({ ...snapshotOf(1, 1), at: Date.now() - 60_000 });
    const late = follow();
    await shows(late, 1, 1);
    expect(late.ageMs()).toBeGreaterThanOrEqual(60_000);
    // A sender whose clock is an hour behind is no reason to call its news old.
    await tell({ ...snapshotOf(1, 2), at: Date.now() - 3_600_000 });
    await shows(feed, 1, 2);
    expect(feed.ageMs()).toBeLessThan(5_000);
  });
});
