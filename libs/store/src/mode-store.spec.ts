import { redisKeys } from '#libs/contracts';
import { connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { afterEach, expect, test } from 'vitest';
import { ModeStore } from './mode-store.js';

const location = { redisUrl: process.env.REDIS_URL!, prefix: uniquePrefix() };
const redis = connectRedis({ url: location.redisUrl, name: 'spec', patience: 'patient' });
const store = new ModeStore(location);
afterEach(async () => {
  await store.close();
  redis.disconnect();
});

test('a setting is found by whoever starts later, has no end, and garbage counts as none', async () => {
  const key = redisKeys(location.prefix).modeSetting;
  await redis.ping();
  await expect.poll(() => store.read().catch(() => 'away')).toBe(null);
  const setting = { mode: 'direct', reason: 'the relay bills twice', at: 1_700_000_000_000 };
  await store.set(setting);
  const later = new ModeStore(location);
  await expect.poll(() => later.read().catch(() => null)).toEqual(setting);
  expect(await redis.ttl(key)).toBe(-1);
  expect(await store.setIfNone({ ...setting, mode: 'relay' })).toBe(false);
  expect(await later.read()).toEqual(setting);
  await redis.del(key);
  expect(await store.setIfNone(setting)).toBe(true);
  expect(await later.read()).toEqual(setting);

  await redis.set(key, '{"mode":7}');
  expect(await later.read()).toBe(null);
  await redis.set(key, 'direct');
  expect(await later.read()).toBe(null);
  await later.close();
});
