import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CompletionClient } from '#libs/client';
import { CompletionQueue } from '#libs/queue';
import { type RedisGate, redisGate, simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RunningRedis, startRedis } from '../../tools/redis/start-redis.js';

/** Redis hangs without breaking a connection, is restarted, and is slow. `REDIS_PAUSE_MS=90000` is the full length of the promise. */
const PAUSE_MS = Number(process.env.REDIS_PAUSE_MS ?? 12_000);
/** BullMQ renews a connection that waits for jobs a second after its time: with answers two seconds late it may do nothing else. */
const LATE_MS = 1_000;
const JOBS = 60;
/** Of log per job, in bytes. */
const MAX_LOG_BYTES = 10_000;

const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const provider = `paused-${process.pid}`;
const HELLO = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };
const CONFIG = `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: m }]
probes: { intervalMs: 5000 }
`;

let folder: string;
let redis: RunningRedis;
let gate: RedisGate;
let stack: Stack;
let client: CompletionClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-paused-'));
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 100 } });
  redis = await startRedis({ persistent: { dir: folder }, env: { ...process.env, REDIS_URL: undefined } });
  gate = await redisGate(redis.url);
  stack = await startStack({ apps: { prober: 1, aggregator: 1, router: 2 }, config: CONFIG, redisUrl: gate.url });
  client = new CompletionClient({ redisUrl: redis.url, prefix: stack.prefix });
}, 120_000);
afterAll(async () => {
  await client?.close();
  await stack?.stop();
  await gate?.shut();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

const routers = () => [stack.app('router', 0), stack.app('router', 1)];
const resident = async (url: string) =>
  Number(/^process_resident_memory_bytes ([0-9.e+]+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);
const residents = () => Promise.all(routers().map(({ url }) => resident(url)));
const logBytes = () => routers().reduce((sum, router) => sum + router.output().length, 0);

async function untilQueueIsEmpty() {
  const queue = new CompletionQueue({ redisUrl: redis.url, prefix: stack.prefix });
  await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ active: 0, prioritized: 0, delayed: 0 }), {
    timeout: 40_000,
    interval: 200,
  });
  await queue.close();
}

/** Enqueues jobs, does something to Redis when some are under way, and waits for all. */
async function throughAll(harm: () => Promise<void>) {
  const since = Date.now();
  await admin.slow(provider, { addMs: 1_000 });
  const ids = await Promise.all(Array.from({ length: JOBS }, () => client.enqueue(HELLO)));
  await vi.waitFor(async () => expect((await admin.calls({ provider, since })).total).toBeGreaterThan(10), 15_000);
  await harm();
  const results = await Promise.all(
    ids.map((id) =>
      vi.waitFor(
        async () => {
          const result = await client.result(id, { waitMs: 10_000 });
          expect(result).not.toBeNull();
          return result;
        },
        { timeout: 90_000, interval: 500 },
      ),
    ),
  );
  await admin.revive(provider);
  expect(results.map((result) => result?.understudy.jobId)).toEqual(ids);
  return results.flatMap((result) => result?.understudy.attempts ?? []);
}

test('G50 Redis is paused: no job is lost, calls in flight end, memory and logs stay in bounds', async () => {
  await Promise.all(Array.from({ length: 40 }, () => client.complete(HELLO, { timeoutMs: 20_000 })));
  const [before, logged] = [await residents(), logBytes()];
  const attempts = await throughAll(async () => {
    process.kill(redis.pid as number, 'SIGSTOP');
    await pause(PAUSE_MS);
    process.kill(redis.pid as number, 'SIGCONT');
  });
  // The provider took about a second, and was not kept waiting by the pause.
  const answered = attempts.filter(({ outcome }) => outcome === 'success');
  expect(answered).toHaveLength(JOBS);
  expect(Math.max(...answered.map(({ latencyMs }) => latencyMs))).toBeLessThan(PAUSE_MS);
  for (const [i, after] of (await residents()).entries()) expect(after).toBeLessThanOrEqual(2 * (before[i] as number));
  expect(logBytes() - logged).toBeLessThan(JOBS * MAX_LOG_BYTES);
}, 300_000);

test('G50 Redis is restarted: no job is lost, and everybody goes on by themselves', async () => {
  const logged = logBytes();
  await throughAll(async () => {
    await redis.stop();
    await redis.restart();
  });
  expect(logBytes() - logged).toBeLessThan(JOBS * MAX_LOG_BYTES);
}, 120_000);

test('G50 Redis answers a second late: a call in flight does not wait for it', async () => {
  // Jobs that lost their locks in the pause are taken up once more, to be ended; a router takes one job per round trip.
  await untilQueueIsEmpty();
  gate.slow(LATE_MS);
  const results = await Promise.all(
    Array.from({ length: 10 }, async () => client.result(await client.enqueue(HELLO), { waitMs: 60_000 })),
  );
  gate.slow(0);
  const attempts = results.map((result) => result?.understudy.attempts ?? []);
  expect(attempts.map((made) => made.map(({ outcome }) => outcome))).toEqual(Array(10).fill(['success']));
  // The provider takes a tenth of a second.
  const latencies = attempts.flatMap((made) => made.map(({ latencyMs }) => latencyMs));
  expect(Math.max(...latencies)).toBeLessThan(LATE_MS);
}, 120_000);
