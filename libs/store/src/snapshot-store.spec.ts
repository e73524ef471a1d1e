import { redisKeys } from '#libs/contracts';
import { connectRedis, type Redis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SnapshotStore } from './snapshot-store.js';
import { snapshotOf, targetHealth } from './snapshot.fixture.js';

let keys: ReturnType<typeof redisKeys>;
let redis: Redis;
let store: SnapshotStore;

beforeEach(async () => {
  const prefix = uniquePrefix();
  keys = redisKeys(prefix);
  redis = connectRedis({ url: process.env.REDIS_URL!, name: 'spec', patience: 'patient' });
  store = new SnapshotStore({ redisUrl: process.env.REDIS_URL!, prefix });
  await redis.set(keys.epoch, 1);
  await vi.waitFor(() => store.read());
});

afterEach(async () => {
  await store.close();
  redis.disconnect();
});

const publish = (epoch: number, version: number, state = '{}') =>
  store.publish({ epoch, snapshot: snapshotOf(epoch, version), state });

describe('snapshot store', () => {
  test('one publication writes snapshot, meta, state and the record of each target, and tells the subscribers', async () => {
    const subscriber = redis.duplicate();
    const heard: string[] = [];
    subscriber.on('message', (_channel: string, text: string) => heard.push(text));
    await subscriber.subscribe(keys.healthChanged);
    const snapshot = snapshotOf(1, 1, [targetHealth({ latencyMs: null, healthy: false })]);
    expect(await store.publish({ epoch: 1, snapshot, state: '{"cursor":"7-0"}' })).toBe(true);

    expect(await store.read()).toEqual(snapshot);
    expect(await store.readState()).toBe('{"cursor":"7-0"}');
    expect(await redis.hgetall(keys.snapshotMeta)).toEqual({ epoch: '1', version: '1' });
    const record = { target: 'openai/gpt-4', score: '92.8', healthy: 'false', latencyMs: '', consecutiveFailures: '0' };
    expect(await redis.hgetall(keys.health('openai/gpt-4'))).toMatchObject(record);
    await vi.waitFor(() => expect(heard.map((text) => JSON.parse(text) as unknown)).toEqual([snapshot]));
    expect(await redis.ttl(keys.snapshot)).toBe(-1);
    subscriber.disconnect();
  });

  test('a version that does not grow is refused, and nothing of it is written', async () => {
    expect(await publish(1, 2, 'first')).toBe(true);
    expect(await publish(1, 2, 'again')).toBe(false);
    expect(await publish(1, 1, 'older')).toBe(false);
    expect(await store.readState()).toBe('first');
    expect(await publish(1, 3)).toBe(true);
  });

  test('a former leader is refused even before the new one has published', async () => {
    expect(await publish(1, 5, 'old leader')).toBe(true);
    await redis.incr(keys.epoch);
    expect(await publish(1, 6, 'paused leader')).toBe(false);
    expect(await store.readState()).toBe('old leader');
    expect(await publish(2, 1, 'new leader')).toBe(true);
    expect(await publish(1, 7)).toBe(false);
    expect(await store.read()).toMatchObject({ epoch: 2, version: 1 });
  });

  test('while two leaders publish at once, readers hear only the newest epoch, in order', async () => {
    await redis.set(keys.epoch, 2);
    const subscriber = redis.duplicate();
    const heard: [number, number][] = [];
    subscriber.on('message', (_channel: string, text: string) => {
      const { epoch, version } = JSON.parse(text) as { epoch: number; version: number };
      heard.push([epoch, version]);
    });
    await subscriber.subscribe(keys.healthChanged);
    await Promise.all(Array.from({ length: 300 }, (_, i) => [publish(2, i + 1), publish(1, i + 1_000)]).flat());
    await vi.waitFor(() => expect(heard.length).toBe(300));
    expect(heard).toEqual(Array.from({ length: 300 }, (_, i) => [2, i + 1]));
    subscriber.disconnect();
  });

  test('the record of a target that is configured no more is deleted', async () => {
    await publish(1, 1);
    await store.publish({ epoch: 1, snapshot: snapshotOf(1, 2, []), state: '{}', removed: ['openai/gpt-4'] });
    expect(await redis.exists(keys.health('openai/gpt-4'))).toBe(0);
  });

  test.each(['not json', '{"epoch":1}', '[]'])(
    'a stored value that is no snapshot reads as none: %s',
    async (value) => {
      await redis.set(keys.snapshot, value);
      expect(await store.read()).toBeNull();
    },
  );
});
