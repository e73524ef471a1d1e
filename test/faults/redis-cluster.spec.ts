import { CompletionClient } from '#libs/client';
import { redisKeys } from '#libs/contracts';
import { DeadLetters } from '#libs/queue';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type RunningCluster, startCluster } from '../../tools/redis/start-cluster.js';

/** The whole system on a cluster of three masters: everything of ours lies in one slot, and must be found there. */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const provider = `cluster-${process.pid}`;
const HELLO = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };
const CONFIG = `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: m, limits: { requestsPerMinute: 100000, tokensPerMinute: 100000000, maxInFlight: 1000 } }]
probes: { intervalMs: 1000 }
`;

let cluster: RunningCluster;
let stack: Stack;
let client: CompletionClient;
let redis: Redis;

beforeAll(async () => {
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 20, perTokenMs: 1 } });
  cluster = await startCluster(3);
  const apps = { prober: 1, aggregator: 1, router: 2, gateway: 1 };
  stack = await startStack({ apps, config: CONFIG, redisUrl: cluster.url });
  client = new CompletionClient({ redisUrl: cluster.url, prefix: stack.prefix });
  redis = connectRedis({ url: cluster.url, name: 'spec', patience: 'patient' });
}, 120_000);
afterAll(async () => {
  await client?.close();
  if (redis) await closeRedis(redis);
  await stack?.stop();
  await cluster?.stop();
});

test('jobs are answered, and whoever waits hears of it without waiting for the next look', async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => client.complete(HELLO, { timeoutMs: 20_000 })));
  expect(new Set(answers.map(({ understudy }) => understudy.target))).toEqual(new Set([`${provider}/m`]));
  expect(new Set(answers.map(({ understudy }) => understudy.jobId)).size).toBe(60);
});

test('a result is found by its id, and an unknown id is said to be unknown', async () => {
  const id = await client.enqueue(HELLO);
  expect((await client.result(id, { waitMs: 15_000 }))?.understudy.jobId).toBe(id);
  await expect(client.result('never-was')).rejects.toMatchObject({ code: 'job_not_found' });
});

test('many jobs go in together, and the same idempotency key is the same job', async () => {
  const keyed = { request: HELLO, idempotencyKey: 'order-1' };
  const [first, second, third] = await client.enqueueMany([keyed, { request: HELLO }, keyed]);
  expect(third).toBe(first);
  expect(await client.enqueue(HELLO, { idempotencyKey: 'order-1' })).toBe(first);
  for (const id of [first!, second!]) expect((await client.result(id, { waitMs: 15_000 }))?.understudy.jobId).toBe(id);
});

test('what an answer says is read along, from any process', async () => {
  let text = '';
  let jobId = '';
  for await (const event of client.stream({ ...HELLO, max_tokens: 200 }, { timeoutMs: 20_000 })) {
    if (event.type === 'enqueued') jobId = event.jobId;
    if (event.type === 'chunk') text += event.chunk.choices[0]?.delta['content'] as string;
  }
  expect(text.split(' ').length).toBeGreaterThan(100);
  const again = await fetch(`${stack.app('gateway').url}/v1/jobs/${jobId}/stream`);
  expect(await again.text()).toMatch(/data: \[DONE\]\s*$/);
});

test('places under limits are taken, and given back', async () => {
  await client.complete(HELLO, { timeoutMs: 20_000 });
  const keys = redisKeys(stack.prefix);
  expect(await redis.hlen(keys.limitWindow(`${provider}/m`, 'requests'))).toBeGreaterThan(0);
  expect(await redis.hlen(keys.limitWindow(`${provider}/m`, 'tokens'))).toBeGreaterThan(0);
  await vi.waitFor(async () => expect(await redis.zcard(keys.limitInFlight(`${provider}/m`))).toBe(0));
});

test('probes are made and health is published, over pub/sub too', async () => {
  const since = Date.now();
  await vi.waitFor(async () => expect((await admin.calls({ provider, since })).total).toBeGreaterThan(1), 15_000);
  const subscriber = redis.duplicate();
  const heard = new Promise((resolve) => subscriber.once('message', resolve));
  await subscriber.subscribe(redisKeys(stack.prefix).healthChanged);
  await heard;
  await closeRedis(subscriber);
});

test('the gateway answers, and no service has written an error', async () => {
  const response = await fetch(`${stack.app('gateway').url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(HELLO),
  });
  expect(response.status).toBe(200);
  const complaints = stack.processes.flatMap((process) =>
    process.logs().filter(({ level }) => level === 'warn' || level === 'error'),
  );
  // What a busy machine brings about, on which an answer of Redis may take a second, is not the cluster's fault.
  const ofSlowness = [
    'llm.target.limited',
    'llm.jobs.parked',
    'llm.health.stale',
    'llm.health.slow_answer',
    'aggregator.standing_by',
  ];
  expect(complaints.filter(({ event }) => !ofSlowness.includes(String(event)))).toEqual([]);
});

test('jobs that nobody can be asked for wait, and go on when somebody can', async () => {
  await admin.kill(provider);
  const ids: string[] = [];
  // The first ones find out that it is down.
  for (let i = 0; i < 30; i++) ids.push(await client.enqueue(HELLO, { priority: i % 2 ? 'high' : 'low' }));
  await vi.waitFor(async () => expect(await redis.hlen(redisKeys(stack.prefix).parkedGroups)).toBe(1), 30_000);
  await admin.revive(provider);
  for (const id of ids) expect((await client.result(id, { waitMs: 30_000 }))?.understudy.jobId).toBe(id);
  await vi.waitFor(async () => expect(await redis.hlen(redisKeys(stack.prefix).parkedGroups)).toBe(0));
}, 120_000);

test('a job is cancelled under way, and a dead letter is replayed', async () => {
  await admin.slow(provider, { addMs: 5_000 });
  const cancelled = await client.enqueue(HELLO);
  expect(await client.cancel(cancelled)).toBe('cancelled');
  await admin.revive(provider);

  const letters = new DeadLetters({ redisUrl: cluster.url, prefix: stack.prefix });
  onTestFinished(() => letters.close());
  // For every request until the job has met it: pings come each second, and one of them may be the next.
  const { id } = await admin.addFault({ provider, fault: { kind: 'status', status: 400 } });
  const failed = await client.enqueue(HELLO);
  await expect(client.result(failed, { waitMs: 15_000 })).rejects.toMatchObject({ jobId: failed });
  await admin.removeFault(id);
  await vi.waitFor(async () => expect(await letters.count()).toBe(1));
  await letters.replay(failed);
  expect((await client.result(failed, { waitMs: 15_000 }))?.understudy.jobId).toBe(failed);
});

test('all keys of an installation lie on one node', async () => {
  const counts = await Promise.all(
    cluster.nodes.map(async ({ url }) => {
      const node = connectRedis({ url, name: 'spec', patience: 'patient' });
      const keys = await node.keys(`${stack.prefix.replace(/[{}]/g, '?')}*`);
      await closeRedis(node);
      return keys.length;
    }),
  );
  expect(counts.filter((count) => count > 0)).toHaveLength(1);
});
