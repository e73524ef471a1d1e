import { redisKeys, type ModelListing } from '#libs/contracts';
import { connectRedis, whenReady } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ModelListings } from './model-listings.js';

const location = { redisUrl: process.env.REDIS_URL!, prefix: uniquePrefix() };
const keys = redisKeys(location.prefix);
const redis = connectRedis({ url: location.redisUrl, name: 'spec', patience: 'patient' });
const stores = [1, 2, 3].map(() => new ModelListings(location));
const [store] = stores as [ModelListings];
const listing: ModelListing = {
  askedAt: 1_700_000_000_000,
  failure: null,
  targets: { 'a/m': { model: 'm', listed: true, shutdownAt: null } },
};
const times = { turnMs: 60_000, listingMs: 90_000 };

beforeAll(async () => {
  await whenReady(redis, 5_000);
  for (const one of stores) await vi.waitFor(() => one.read(['a']));
});
afterAll(async () => {
  await Promise.all(stores.map((one) => one.close()));
  redis.disconnect();
});

test('of many who want a turn one has it, and when it has ended it is over for all', async () => {
  const all = () => Promise.all(stores.map((one) => one.take('a', '7', 60_000)));
  expect((await all()).toSorted()).toEqual(['ours', 'taken', 'taken']);
  expect(await all()).toEqual(['taken', 'taken', 'taken']);
  await store.keep('a', '7', listing, times);
  expect(await all()).toEqual(['over', 'over', 'over']);
  expect([await store.take('a', '8', 60_000), await store.take('b', '7', 60_000)]).toEqual(['ours', 'ours']);
});

test('the turn of one that never ended it is free again', async () => {
  expect(await store.take('a', '9', 30)).toBe('ours');
  await expect.poll(() => stores[1]!.take('a', '9', 60_000)).toBe('ours');
});

test('what was learned is read in the order of the question, lives as long as it is told to, and garbage counts as nothing', async () => {
  await store.keep('a', '10', listing, times);
  await redis.set(keys.modelListing('broken'), '{');
  await redis.set(keys.modelListing('other'), '{"askedAt":"today"}');
  expect(await store.read(['broken', 'a', 'other', 'new'])).toEqual([null, listing, null, null]);
  expect(await store.read([])).toEqual([]);
  const ttl = await redis.pttl(keys.modelListing('a'));
  expect(ttl > 60_000 && ttl <= 90_000).toBe(true);
  expect(await redis.pttl(keys.modelListTurn('a', '10'))).toBeLessThanOrEqual(60_000);
});
