import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { CompletionClient } from '#libs/client';
import { findFreePort } from '#libs/processes';
import { closeRedis, connectRedis } from '#libs/redis';
import { startProcess, uniquePrefix } from '#libs/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type RedisOptions, type RunningRedis, startRedis } from '../../tools/redis/start-redis.js';

/** A Redis that is there and cannot be worked with: every service says so, goes on running, and works once it is mended. */
const HELLO = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };

async function ownRedis(settings: RedisOptions['settings'] = {}): Promise<RunningRedis> {
  const redis = await startRedis({ settings, env: { ...process.env, REDIS_URL: undefined } });
  onTestFinished(() => redis.stop());
  return redis;
}

async function administer(url: string) {
  const redis = connectRedis({ url, name: 'spec', patience: 'patient' });
  onTestFinished(() => closeRedis(redis));
  return redis;
}

/** A gateway at this Redis, and what it says of itself. */
async function gatewayAt(redisUrl: string) {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const gateway = await startProcess({
    name: 'gateway',
    entry: 'apps/gateway/src/main.js',
    env: {
      PORT: String(port),
      REDIS_URL: redisUrl,
      UNDERSTUDY_PREFIX: uniquePrefix(),
      SIMULATOR_URL: 'http://127.0.0.1:1',
    },
    readyUrl: `${url}/live`,
  });
  onTestFinished(() => gateway.stop(5_000).then(() => undefined));
  const says = async () => {
    const response = await fetch(`${url}/ready`);
    return { status: response.status, body: (await response.json()) as { problems?: string[] } };
  };
  const untilProblem = (problem: string | RegExp) =>
    vi.waitFor(
      async () =>
        expect(await says()).toMatchObject({ status: 503, body: { problems: [expect.stringMatching(problem)] } }),
      {
        timeout: 15_000,
      },
    );
  const untilReady = () => vi.waitFor(async () => expect((await says()).status).toBe(200), { timeout: 15_000 });
  const problemLines = () => gateway.logs().filter(({ event }) => event === 'redis.problem');
  return { gateway, untilProblem, untilReady, problemLines };
}

test('a Redis that evicts is refused until it is told not to, in one line of the log', async () => {
  const redis = await ownRedis({ 'maxmemory-policy': 'allkeys-lru' });
  const { untilProblem, untilReady, problemLines } = await gatewayAt(redis.url);
  await untilProblem('maxmemory-policy is allkeys-lru');
  await (await administer(redis.url)).config('SET', 'maxmemory-policy', 'noeviction');
  await untilReady();
  expect(problemLines()).toHaveLength(1);
});

test('a Redis that denies CONFIG, as managed services do, is taken', async () => {
  const redis = await ownRedis();
  const admin = await administer(redis.url);
  await admin.call('ACL', 'SETUSER', 'tenant', 'on', '>pw', '~*', '&*', '+@all', '-config', '-acl');
  const { untilReady } = await gatewayAt(redis.url.replace('//', '//tenant:pw@'));
  await untilReady();
});

test('a read-only replica is refused, and a producer is told what to do', async () => {
  const master = await ownRedis();
  const replica = await ownRedis({ replicaof: `127.0.0.1 ${master.port}`, dir: tmpdir() });
  const { untilProblem, untilReady } = await gatewayAt(replica.url);
  await untilProblem('read-only replica: let REDIS_URL name the master');
  const client = new CompletionClient({ redisUrl: replica.url, prefix: uniquePrefix() });
  onTestFinished(() => client.close());
  await expect(client.enqueue(HELLO)).rejects.toMatchObject({
    code: 'queue_unavailable',
    message: expect.stringMatching(/refuses: this is a read-only replica.*let REDIS_URL name the master/) as string,
  });
  await (await administer(replica.url)).replicaof('NO', 'ONE');
  await untilReady();
  expect(await client.enqueue(HELLO)).toBeTypeOf('string');
});

test('a wrong password is called so, by services and to producers, and is written nowhere', async () => {
  const redis = await ownRedis({ requirepass: 'right' });
  const wrong = redis.url.replace('//', '//:s3cret@');
  const { gateway, untilProblem, untilReady } = await gatewayAt(wrong);
  await untilProblem('password in REDIS_URL is wrong');
  const client = new CompletionClient({ redisUrl: wrong, prefix: uniquePrefix() });
  onTestFinished(() => client.close());
  await expect(client.enqueue(HELLO)).rejects.toMatchObject({
    code: 'queue_unavailable',
    message: expect.stringContaining('password in REDIS_URL is wrong') as string,
  });
  expect(gateway.output()).not.toContain('s3cret');
  const without = await gatewayAt(redis.url);
  await without.untilProblem('asks for a password');
  await (await administer(redis.url.replace('//', '//:right@'))).config('SET', 'requirepass', 's3cret');
  await untilReady();
});

test('too old a server is refused by its version', async () => {
  // No server of that age is at hand: one that answers as it would.
  const info = 'redis_version:5.0.7\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n';
  const old = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const commands = String(data).match(/^\*\d+\r$/gm) ?? [];
      for (const _ of commands) socket.write(`$${info.length}\r\n${info}\r\n`);
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void old.close());
  await once(old, 'listening');
  const { untilProblem } = await gatewayAt(`redis://127.0.0.1:${(old.address() as AddressInfo).port}`);
  await untilProblem('Redis 5.0.7 is too old: version 6.2 or newer is needed');
});
