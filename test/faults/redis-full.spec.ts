import { CompletionClient } from '#libs/client';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RunningRedis, startRedis } from '../../tools/redis/start-redis.js';

/** Redis has reached maxmemory: it takes nothing new, and what it has must not be lost. */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const provider = `full-${process.pid}`;
const HELLO = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };
const CONFIG = `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: m }]
# A full Redis takes no word that a job is still worked on: nobody is to take it over meanwhile.
jobs: { takeoverMs: 60000 }
`;

let redis: RunningRedis;
let direct: Redis;
let stack: Stack;
let client: CompletionClient;

beforeAll(async () => {
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 20 } });
  redis = await startRedis({ env: { ...process.env, REDIS_URL: undefined } });
  stack = await startStack({ apps: { router: 1, gateway: 1 }, config: CONFIG, redisUrl: redis.url });
  client = new CompletionClient({ redisUrl: redis.url, prefix: stack.prefix });
  direct = connectRedis({ url: redis.url, name: 'spec', patience: 'patient' });
}, 60_000);
afterAll(async () => {
  await client?.close();
  if (direct) await closeRedis(direct);
  await stack?.stop();
  await redis?.stop();
});

test('a full Redis refuses new jobs with the reason, and loses none that it has', async () => {
  const since = Date.now();
  // Long enough to fill Redis before the first one is answered.
  await admin.slow(provider, { addMs: 4_000 });
  const ids = await Promise.all(Array.from({ length: 20 }, () => client.enqueue(HELLO)));
  await vi.waitFor(async () => expect((await admin.calls({ provider, since })).total).toBe(20));
  // Less than is in use by now: every write is refused from here on.
  await direct.config('SET', 'maxmemory', '500kb');

  await expect(client.enqueue(HELLO)).rejects.toMatchObject({
    code: 'queue_unavailable',
    retryable: true,
    message: expect.stringMatching(/refuses: Redis is full: raise its maxmemory/) as string,
  });
  const many = [{ request: HELLO }, { request: HELLO, idempotencyKey: 'order-1' }];
  await expect(client.enqueueMany(many)).rejects.toMatchObject({ code: 'queue_unavailable' });
  // Nothing of them is left, no place and no key: all or none.
  expect(await direct.keys('*:key-*')).toEqual([]);
  expect(await direct.keys('*:fingerprint:*')).toEqual([]);
  const ready = async (app: 'router' | 'gateway') => {
    const response = await fetch(`${stack.app(app).url}/ready`);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  for (const app of ['router', 'gateway'] as const)
    await vi.waitFor(
      async () =>
        expect(await ready(app)).toMatchObject({
          status: 503,
          body: { problems: expect.arrayContaining([expect.stringContaining('Redis is full')]) as string[] },
        }),
      { timeout: 15_000 },
    );
  // The providers have answered, and nobody could be told.
  await vi.waitFor(async () => {
    const { calls } = await admin.calls({ provider, since });
    expect(calls.slice(0, 20).map(({ status }) => status)).toEqual(Array(20).fill(200));
  });
  expect(await client.result(ids[0] as string)).toBeNull();

  await direct.config('SET', 'maxmemory', '0');
  const answers = await Promise.all(ids.map((id) => client.result(id, { waitMs: 60_000 })));
  expect(answers.map((answer) => answer?.understudy.jobId)).toEqual(ids);
  await vi.waitFor(async () => expect(await ready('gateway')).toMatchObject({ status: 200 }), { timeout: 15_000 });
  // Their answers waited for room; not all calls were made and paid for a second time.
  expect((await admin.calls({ provider, since })).total).toBeLessThan(40);
}, 120_000);
