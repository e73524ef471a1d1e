import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompletionClient } from '#libs/client';
import { type AppName, findFreePort } from '#libs/processes';
import { simulatorAdmin, startProcess, type TestProcess, uniquePrefix } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningRedis, startRedis } from '../../tools/redis/start-redis.js';

/** Redis is absent at start, dies in the middle of the work, and comes back. Services are never restarted. */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const provider = `outage-${process.pid}`;
const prefix = uniquePrefix();
const CONFIG = `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: m }]
probes: { intervalMs: 500 }
`;
const HELLO = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };

let folder: string;
let redis: RunningRedis;
/** Address of each service; fixed beforehand, because a service that waits for Redis cannot be asked for it. */
const urls = new Map<AppName, string>();
const processes: TestProcess[] = [];
let client: CompletionClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-outage-'));
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 20 } });
  redis = await startRedis({ persistent: { dir: folder }, env: { ...process.env, REDIS_URL: undefined } });
  await redis.kill();
  const configFile = join(folder, 'understudy.yaml');
  await writeFile(configFile, CONFIG);
  for (const app of ['prober', 'aggregator', 'router', 'gateway'] as const) {
    const port = await findFreePort();
    const url = `http://127.0.0.1:${port}`;
    const env = {
      PORT: String(port),
      REDIS_URL: redis.url,
      UNDERSTUDY_PREFIX: prefix,
      UNDERSTUDY_CONFIG: configFile,
      SIMULATOR_URL: admin.url,
    };
    urls.set(app, url);
    processes.push(await startProcess({ name: app, entry: `apps/${app}/src/main.js`, env, readyUrl: `${url}/live` }));
  }
  client = new CompletionClient({ redisUrl: redis.url, prefix });
});

afterAll(async () => {
  await client?.close();
  await Promise.all(processes.map((process) => process.stop(8_000)));
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

const readiness = async (url: string): Promise<number> => (await fetch(`${url}/ready`)).status;
const everyService = () => [...urls.values()];
const ready = (status: number) =>
  vi.waitFor(
    async () => expect(await Promise.all(everyService().map(readiness))).toEqual(everyService().map(() => status)),
    { timeout: 20_000, interval: 200 },
  );

describe('without Redis at the start', () => {
  test('every service runs, and says that it is not ready', async () => {
    await ready(503);
    for (const url of everyService()) expect((await fetch(`${url}/live`)).status).toBe(200);
  });

  test('a producer is told at once, by a message that names the place and holds no secret', async () => {
    await expect(client.enqueue(HELLO)).rejects.toMatchObject({
      code: 'queue_unavailable',
      retryable: true,
      message: expect.stringContaining(`127.0.0.1:${redis.port}`) as string,
    });
  });

  test('the gateway answers 503 in the shape of OpenAI, with Retry-After', async () => {
    const response = await fetch(`${urls.get('gateway')}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(HELLO),
    });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await response.json()).toMatchObject({ error: { code: 'queue_unavailable' } });
  });

  test('everything is ready soon after Redis is there, and answers', async () => {
    await redis.restart();
    await ready(200);
    expect((await client.complete(HELLO, { timeoutMs: 15_000 })).understudy.target).toBe(`${provider}/m`);
  });
});

test('jobs that were acknowledged before Redis died are answered once each after it is back', async () => {
  const since = Date.now();
  await admin.slow(provider, { addMs: 500 });
  const ids = await Promise.all(Array.from({ length: 60 }, () => client.enqueue(HELLO)));
  // With jobs waiting and jobs under way. An orderly stop: after a crash, everysec may have lost the last second.
  await vi.waitFor(async () => expect((await admin.calls({ provider, since })).total).toBeGreaterThan(10));
  await redis.stop();
  await ready(503);
  await redis.restart();
  await ready(200);
  await admin.revive(provider);
  const answers = await Promise.all(ids.map((id) => client.result(id, { waitMs: 30_000 })));
  expect(answers.map((answer) => answer?.understudy.jobId)).toEqual(ids);
}, 60_000);

test('probes and health go on after the outage', async () => {
  const version = async () =>
    ((await (await fetch(`${urls.get('aggregator')}/status`)).json()) as { version: number }).version;
  const before = await version();
  const since = Date.now();
  await vi.waitFor(async () => expect(await version()).toBeGreaterThan(before));
  await vi.waitFor(async () => expect((await admin.calls({ provider, since })).total).toBeGreaterThan(1));
});
