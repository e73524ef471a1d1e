import { CompletionClient } from '#libs/client';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RunningSentinels, startSentinels } from '../../tools/redis/start-sentinels.js';

/** A master dies, the Sentinel makes the replica the master, and everybody moves there by themselves. */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const provider = `sentinel-${process.pid}`;
const HELLO = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };
const CONFIG = `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: m }]
probes: { intervalMs: 1000 }
`;

let sentinels: RunningSentinels;
let stack: Stack;
let client: CompletionClient;

beforeAll(async () => {
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 20 } });
  sentinels = await startSentinels();
  stack = await startStack({
    apps: { prober: 1, aggregator: 1, router: 1, gateway: 1 },
    config: CONFIG,
    redisUrl: sentinels.url,
  });
  client = new CompletionClient({ redisUrl: sentinels.url, prefix: stack.prefix });
}, 120_000);
afterAll(async () => {
  await client?.close();
  await stack?.stop();
  await sentinels?.stop();
});

test('jobs are answered over the master that the Sentinel names', async () => {
  expect((await client.complete(HELLO, { timeoutMs: 15_000 })).understudy.target).toBe(`${provider}/m`);
});

test('after a failover every service goes on at the new master, and jobs that it had copied are answered', async () => {
  await admin.slow(provider, { addMs: 1_500 });
  const ids = await Promise.all(Array.from({ length: 30 }, () => client.enqueue(HELLO)));
  await sentinels.copied();
  await sentinels.master.kill();

  const answers = await Promise.all(ids.map((id) => untilAnswered(id)));
  expect(answers).toEqual(ids);
  await admin.revive(provider);
  // New jobs, too, as soon as the client has found the new master.
  await vi.waitFor(() => client.enqueue(HELLO), 15_000);
  expect((await client.complete(HELLO, { timeoutMs: 15_000 })).understudy.target).toBe(`${provider}/m`);
  await vi.waitFor(
    async () => {
      const answers = await Promise.all(stack.processes.map(({ url }) => fetch(`${url}/ready`)));
      expect(answers.map(({ status }) => status)).toEqual(stack.processes.map(() => 200));
    },
    { timeout: 15_000, interval: 200 },
  );
}, 90_000);

/** Asks again while nobody is master: a question in that time is rejected. */
const untilAnswered = (id: string) =>
  vi.waitFor(
    async () => {
      const result = await client.result(id, { waitMs: 5_000 });
      expect(result).not.toBeNull();
      return result?.understudy.jobId;
    },
    { timeout: 60_000, interval: 500 },
  );
