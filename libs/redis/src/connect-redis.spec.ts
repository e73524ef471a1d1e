import { SLACK_MS } from '#libs/testing';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { closeRedis } from './close-redis.js';
import { connectRedis, type ConnectRedisOptions } from './connect-redis.js';
import type { Redis } from './index.js';
import { redisAddress } from './redis-address.js';
import { whenReady } from './when-ready.js';

const REDIS_URL = process.env.REDIS_URL!;
/** Nothing listens on port 1. */
const NOBODY = 'redis://someone:s3cret@127.0.0.1:1';

const open: Redis[] = [];
function connect(options: Partial<ConnectRedisOptions>): Redis {
  const redis = connectRedis({ url: REDIS_URL, name: 'a test', patience: 'fail-fast', ...options });
  open.push(redis);
  return redis;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((redis) => closeRedis(redis)));
});

describe('connectRedis', () => {
  it('rejects a fail-fast command at once while Redis is away', async () => {
    const redis = connect({ url: NOBODY });
    const begun = performance.now();
    await expect(redis.get('a')).rejects.toThrow(/writeable|closed/);
    expect(performance.now() - begun).toBeLessThan(200 + SLACK_MS);
  });

  it('keeps a patient command until there is a connection', async () => {
    const redis = connect({ patience: 'patient' });
    expect(redis.status).not.toBe('ready');
    await expect(redis.ping()).resolves.toBe('PONG');
  });

  it('comes back by itself when the server drops the connection', async () => {
    const redis = connect({});
    const other = connect({});
    await Promise.all([whenReady(redis, 5_000), whenReady(other, 5_000)]);
    await other.call('CLIENT', 'KILL', 'ID', String(await redis.client('ID')));
    await vi.waitFor(async () => expect(await redis.ping()).toBe('PONG'));
  });

  it('reports an outage once, however often it tries', async () => {
    const onError = vi.fn();
    const redis = connect({ url: NOBODY, onError });
    let attempts = 0;
    redis.on('reconnecting', () => attempts++);
    await vi.waitFor(() => expect(attempts).toBeGreaterThan(3));
    expect(onError).toHaveBeenCalledTimes(1);
  });

  it('shows a name that Redis accepts', async () => {
    const redis = connect({ patience: 'patient', name: 'two words\n' });
    expect(await redis.client('GETNAME')).toBe('two_words_');
  });

  it('never shows a password in an error', async () => {
    const errors: Error[] = [];
    const wrong = new URL(REDIS_URL);
    wrong.username = 'someone';
    wrong.password = 's3cret';
    connect({ url: wrong.href, onError: (error) => errors.push(error) });
    connect({ url: NOBODY, onError: (error) => errors.push(error) });
    await vi.waitFor(() => expect(errors).toHaveLength(2));
    expect(inspect(errors, { depth: 9, showHidden: true })).not.toContain('s3cret');
  });
});

describe('whenReady', () => {
  it('is patient with a slow connection, and impatient once an attempt has failed', async () => {
    const begun = performance.now();
    await expect(whenReady(connect({ url: NOBODY }), 60_000, 50)).rejects.toThrow('no connection after 50 ms');
    expect(performance.now() - begun).toBeLessThan(1_000 + SLACK_MS);
    // A server that accepts and says nothing.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const waiting = whenReady(connect({ url: `redis://127.0.0.1:${port}` }), 400, 50);
    await expect(waiting).rejects.toThrow('no connection after 400 ms');
    silent.close();
  });

  it('ends when the connection is closed for good', async () => {
    const redis = connect({ url: NOBODY, patience: 'patient' });
    const waiting = whenReady(redis, 60_000);
    redis.disconnect();
    await expect(waiting).rejects.toThrow('was closed');
  });
});

describe('closeRedis', () => {
  it('ends at once while Redis is away', async () => {
    const redis = connectRedis({ url: NOBODY, name: 'test', patience: 'patient' });
    const begun = performance.now();
    await closeRedis(redis);
    expect(performance.now() - begun).toBeLessThan(200 + SLACK_MS);
  });
});

describe('redisAddress', () => {
  it.each([
    ['redis://user:pw@cache.local:7000/2', { host: 'cache.local', port: 7000 }],
    ['rediss://cache.local', { host: 'cache.local', port: 6379 }],
  ])('gives host and port of %s, and nothing else', (url, address) => {
    expect(redisAddress(url)).toEqual(address);
  });
});
