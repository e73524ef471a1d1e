import { type JobOutcome, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ReplyChannel } from './reply-channel.js';
import { ResultStore } from './result-store.js';

const redisUrl = process.env.REDIS_URL!;
const prefix = uniquePrefix();
const outcome = (message: string): JobOutcome => ({
  status: 'failed',
  error: new UnderstudyError('all_targets_failed', message).toJSON(),
});

let channel: ReplyChannel;
let store: ResultStore;
let redis: Redis;
beforeEach(() => {
  channel = new ReplyChannel({ redisUrl, prefix });
  store = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
  redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
});
afterEach(async () => {
  await Promise.all([channel.close(), store.close(), closeRedis(redis)]);
});

const subscribers = async ({ address } = channel) => Number(((await redis.pubsub('NUMSUB', address)) as unknown[])[1]);
/** Cuts the channel's own connection, and nobody else's. */
const cutConnection = async () => {
  const clients = String(await redis.client('LIST')).split('\n');
  const own = clients.find((line) => line.includes(`name=${channel.address} `));
  await redis.call('CLIENT', 'KILL', 'ID', own!.match(/^id=(\d+)/)![1]!);
};

describe('ReplyChannel', () => {
  it('hears of a result at once', async () => {
    // A channel that never sweeps: it is the message that tells it.
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const listener = new ReplyChannel({ redisUrl, prefix });
    vi.useRealTimers();
    onTestFinished(() => listener.close());
    const waiting = listener.waitFor('heard', { timeoutMs: 15_000 });
    // By the end of this the first look for the result is over.
    await listener.waitFor('other', { timeoutMs: 100 });
    await expect.poll(() => subscribers(listener)).toBe(1);
    await store.commit('heard', outcome('now'), listener.address);
    expect(await waiting).toMatchObject({ error: { message: 'now' } });
  });

  it('finds a result that was published before anybody waited', async () => {
    await store.commit('early', outcome('before'), channel.address);
    expect(await channel.waitFor('early', { timeoutMs: 15_000 })).toMatchObject({ error: { message: 'before' } });
  });

  it('finds a result whose message was never sent to it', async () => {
    const waiting = channel.waitFor('unsaid', { timeoutMs: 15_000 });
    // By the end of this the first look for the result is over.
    await channel.waitFor('other', { timeoutMs: 100 });
    await store.commit('unsaid', outcome('silent'), '');
    expect(await waiting).toMatchObject({ error: { message: 'silent' } });
  });

  it('loses only time when its connection is cut while a result is published', async () => {
    await expect.poll(() => subscribers()).toBe(1);
    const waiting = channel.waitFor('cut', { timeoutMs: 15_000 });
    await cutConnection();
    await store.commit('cut', outcome('missed'), channel.address);
    expect(await waiting).toMatchObject({ error: { message: 'missed' } });
    // And it hears again afterwards.
    await expect.poll(() => subscribers()).toBe(1);
  });

  it('answers everybody who waits for the same job', async () => {
    const waiting = Promise.all([1, 2, 3].map(() => channel.waitFor('shared', { timeoutMs: 15_000 })));
    await store.commit('shared', outcome('all'), channel.address);
    expect((await waiting).map((o) => o?.status)).toEqual(['failed', 'failed', 'failed']);
  });

  it('gives null when the time is over', async () => {
    expect(await channel.waitFor('never', { timeoutMs: 30 })).toBeNull();
  });

  it('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const waiting = channel.waitFor('given-up', { timeoutMs: 60_000, signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(waiting).rejects.toThrow('changed my mind');
    await expect(channel.waitFor('given-up', { timeoutMs: 60_000, signal: controller.signal })).rejects.toThrow(
      'changed my mind',
    );
  });

  it('gives null to those who still wait when it closes', async () => {
    const waiting = channel.waitFor('closing', { timeoutMs: 60_000 });
    await channel.close();
    expect(await waiting).toBeNull();
  });
});
