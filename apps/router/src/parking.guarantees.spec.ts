import { ATTR, type CompletionJob, type JobOutcome, redisKeys, type TargetHealth } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { CompletionQueue, ParkingLot, ResultStore } from '#libs/queue';
import { simulatorAdmin, SLACK_MS, uniquePrefix } from '#libs/testing';
import { node, tracing } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { allAttempts } from './guarantees.fixture.js';
import { type RouterOptions, type RunningRouter, startRouter } from './router.fixture.js';

/** The promises about waiting, each through whole routers, real Redis and the simulator. Health is published by hand. */
const redisUrl = process.env.REDIS_URL!;
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
afterAll(() => closeRedis(redis));
const DOWN: Partial<TargetHealth> = {
  breaker: 'open',
  available: false,
  healthy: false,
  reason: 'consecutive_failures',
};

const exporter = new tracing.InMemorySpanExporter();
const tracer = new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
tracer.register();
afterAll(() => tracer.shutdown());

let provider: string;
let prefix: string;
let queue: CompletionQueue;
let results: ResultStore;
let lot: ParkingLot;
let routers: RunningRouter[];
let publishing: NodeJS.Timeout | undefined;

beforeEach(async () => {
  prefix = uniquePrefix();
  provider = `p-${prefix.replace(/\W/g, '')}`;
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 1 } });
  queue = new CompletionQueue({ redisUrl, prefix });
  results = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
  lot = new ParkingLot('completion', { redisUrl, prefix });
  routers = [];
  exporter.reset();
});

afterEach(async () => {
  clearInterval(publishing);
  await Promise.all(routers.map((router) => router.stop()));
  await Promise.all([queue.close(), results.close(), lot.close(), admin.removeProvider(provider)]);
});

async function start(options: RouterOptions = {}, more = ''): Promise<RunningRouter> {
  const config = `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '${admin.url}/${provider}/v1' } }
targets: [{ id: one, provider: ${provider}, model: m, streaming: false }]
# However long a test takes, each router makes one real attempt while all is down, and goes by what is published.
health: { policy: { panicGapProbedMs: 3600000, staleAfterMs: 60000 } }
${more}
`;
  const router = await startRouter(redisUrl, config, { prefix, ...options });
  routers.push(router);
  return router;
}

/** Publishes this health of the target now and each second, as a leading aggregator does. */
async function publish(health: Partial<TargetHealth>): Promise<void> {
  const [router] = routers as [RunningRouter];
  const once = () => router.publish({ one: { ...health, lastProbeAt: Date.now() } });
  clearInterval(publishing);
  // Refused until it is newer than what a router before this one has published.
  const { version } = await vi.waitFor(once, { interval: 1 });
  publishing = setInterval(() => void once().catch(() => undefined), 1_000);
  for (const { url } of routers)
    await vi.waitFor(async () => {
      const status = (await (await fetch(`${url}/status`)).json()) as { snapshot: { version: number } };
      expect(status.snapshot.version).toBeGreaterThanOrEqual(version);
    });
}

/** The target is down, and each router has made the one call that it makes all the same when it finds everybody down. */
async function goDown(): Promise<void> {
  await admin.kill(provider);
  await publish(DOWN);
  for (const [i, { url }] of routers.entries())
    await vi.waitFor(async () => {
      await add(`panic-${i}-${Math.random()}`.replace('.', ''), { deadlineMs: 3_600_000 });
      expect(await metric(url, 'ai_requests_total{model="m",status="error"}')).toBe(1);
    }, 15_000);
  // More may have been added than were needed: until each of them stands in the lot, what a test counts still changes.
  await vi.waitFor(async () => {
    const { prioritized, waiting, active, delayed } = await queue.counts();
    expect({ prioritized, waiting, active }).toEqual({ prioritized: 0, waiting: 0, active: 0 });
    expect(await lot.count()).toBe(delayed);
  });
}

async function metric(url: string, name: string): Promise<number> {
  const line = (await (await fetch(`${url}/metrics`)).text()).split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}

const add = (jobId: string, job: Partial<CompletionJob> = {}, text = 'hello') =>
  queue.add({ request: { model: 'm', messages: [{ role: 'user', content: text }] }, ...job }, { jobId });

async function addMany(count: number, name = 'job'): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${name}-${i}`);
  for (let i = 0; i < count; i += 100) await Promise.all(ids.slice(i, i + 100).map((id) => add(id)));
  return ids;
}

async function outcomesOf(ids: string[], timeout: number): Promise<JobOutcome[]> {
  return vi.waitFor(
    async () => {
      const outcomes = (await results.getMany(ids)).filter((outcome) => outcome !== null);
      expect(outcomes).toHaveLength(ids.length);
      return outcomes;
    },
    { timeout, interval: 100 },
  );
}

async function parkedAre(count: number, timeout = 20_000): Promise<void> {
  await expect.poll(() => lot.count(), { timeout, interval: 50 }).toBe(count);
}

const startOf = (outcome: JobOutcome) => allAttempts(outcome).at(-1)?.startedAt ?? NaN;
const callsMade = async () => (await admin.calls({ provider })).total;

describe('G41 with every breaker open', () => {
  test('a job is parked, and is asked for within a second of the snapshot that tells of the first recovery', async () => {
    await start();
    await goDown();
    const before = await lot.count();
    const calls = await callsMade();
    await add('waits');
    await parkedAre(before + 1);
    expect(await callsMade()).toBe(calls);
    await admin.revive(provider);
    const recoveredAt = Date.now();
    await publish({});
    const [outcome] = await outcomesOf(['waits'], 20_000);
    expect(outcome).toMatchObject({ status: 'completed' });
    expect(allAttempts(outcome!)).toHaveLength(1);
    expect(startOf(outcome!) - recoveredAt).toBeLessThan(1_000 + SLACK_MS);
    const told = exporter.getFinishedSpans().filter(({ attributes }) => attributes[ATTR.parkedGroup] !== undefined);
    expect(told[0]).toMatchObject({ name: 'route completion' });
    expect(told[0]!.attributes[ATTR.parkedWaitMs]).toBeGreaterThan(0);
  });

  test.each([
    ['a short time', 1_200],
    ['time for a last chance', 4_500],
  ])(
    'a job with %s fails at its deadline, with the time of the next chance and without a call',
    async (_which, deadlineMs) => {
      await start();
      await goDown();
      const [calls, before] = [await callsMade(), await lot.count()];
      const addedAt = Date.now();
      await add('waits', { deadlineMs });
      const [outcome] = await outcomesOf(['waits'], 15_000);
      expect(Date.now() - addedAt).toBeGreaterThanOrEqual(deadlineMs);
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded', attempts: [] } });
      expect(JSON.stringify(outcome)).toContain('it was never tried, as no target could be asked');
      expect((outcome as Extract<JobOutcome, { status: 'failed' }>).error.nextAvailableAt).toBeGreaterThan(
        addedAt + deadlineMs,
      );
      expect(await callsMade()).toBe(calls);
      // It has left its group; those that found everybody down are still there.
      await parkedAre(before);
    },
  );

  test('jobs go on by urgency and by age, those that were parked before those that come then', async () => {
    await start({ concurrency: 1 });
    await goDown();
    const ids = ['low-1', 'normal-1', 'high-1', 'normal-2', 'high-2'] as const;
    for (const id of ids) {
      await add(id, { priority: id.split('-')[0] as 'low' });
      const now = Date.now();
      await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(now), { interval: 1 });
    }
    await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ prioritized: 0, active: 0 }));
    // Slow enough that all of them stand in the queue together.
    await admin.removeProvider(provider);
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 150 } });
    await publish({});
    const outcomes = await outcomesOf([...ids], 20_000);
    const order = ids.toSorted((a, b) => startOf(outcomes[ids.indexOf(a)]!) - startOf(outcomes[ids.indexOf(b)]!));
    expect(order).toEqual(['high-1', 'high-2', 'normal-1', 'normal-2', 'low-1']);
  });

  test('5,000 parked jobs are let go in portions by two routers, and all answered, with one call each', async () => {
    await start({ concurrency: 20 });
    await start({ concurrency: 20 });
    await goDown();
    const calls = await callsMade();
    const before = await lot.count();
    const ids = await addMany(5_000);
    await parkedAre(before + 5_000, 60_000);
    expect(await callsMade()).toBe(calls);
    await admin.revive(provider);
    await publish({});
    const outcomes = await outcomesOf(ids, 180_000);
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('completed');
      expect(allAttempts(outcome)).toHaveLength(1);
    }
    const released = await Promise.all(
      routers.map(({ url }) => metric(url, 'ai_jobs_released_total{queue="completion",cause="available"}')),
    );
    expect(released.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(5_000);
    // A line a second, not one per job.
    const lines = routers.flatMap(({ logs }) => logs.filter(({ event }) => event === 'llm.jobs.released'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(200);
    expect(await lot.groups()).toEqual([]);
  }, 300_000);
});

test('jobs of 1,000 groups all go on soon after a recovery, with one line a second about it', async () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `alias-${i}`);
  await start({ concurrency: 20 }, `aliases: { ${names.map((name) => `${name}: m`).join(', ')} }`);
  await goDown();
  const messages = [{ role: 'user', content: 'hi' }];
  await Promise.all(names.map((model) => queue.add({ request: { model, messages } }, { jobId: model })));
  await expect.poll(async () => (await lot.names()).length, { timeout: 30_000 }).toBe(1_001);
  await admin.revive(provider);
  const recoveredAt = Date.now();
  await publish({});
  const outcomes = await outcomesOf(names, 60_000);
  const waits = outcomes.map((outcome) => startOf(outcome) - recoveredAt);
  expect(Math.min(...waits)).toBeLessThan(1_000 + SLACK_MS);
  // A few seconds where the machine has nothing else to do.
  expect(Math.max(...waits)).toBeLessThan(40_000);
  const lines = routers[0]!.logs.filter(({ event }) => event === 'llm.jobs.released');
  expect(lines.length).toBeLessThan(Math.max(...waits) / 1_000 + 10);
}, 150_000);

test('a half-open target is sent single trials, not the crowd that waits for it', async () => {
  await start({ concurrency: 20 });
  await goDown();
  await addMany(200);
  await expect.poll(() => lot.count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(200);
  const calls = await callsMade();
  // Still dead: each trial fails.
  await publish({ ...DOWN, breaker: 'half-open', generation: 3 });
  await expect.poll(async () => (await callsMade()) - calls).toBeGreaterThanOrEqual(2);
  expect(await metric(routers[0]!.url, 'ai_jobs_released_total{queue="completion",cause="available"}')).toBeLessThan(
    20,
  );
});

test('a router that cannot know of a block does not pass jobs back and forth with the one that does', async () => {
  await start();
  await publish({});
  const fault = { kind: 'rate-limit', retryAfterSeconds: 4 } as const;
  await admin.addFault({ provider, fault, forRequests: 1 });
  await add('blocked', { routing: { pin: 'one' } });
  await parkedAre(1);
  // The second router takes nothing while it is busy, but wakes.
  const second = await start({ concurrency: 1 });
  await publish({});
  await outcomesOf(['blocked'], 30_000);
  const again = 'ai_jobs_parkings_total{queue="completion",cause="again"}';
  // Each turn back holds the group for half a second.
  expect((await metric(routers[0]!.url, again)) + (await metric(second.url, again))).toBeLessThan(10);
});

test('jobs whose model or target nobody knows any more are let go, and fail with the error that says so', async () => {
  const job = { jobId: 'stray', priority: 20, enqueuedAt: Date.now() };
  await queue.add(
    { request: { model: 'gone', messages: [{ role: 'user', content: 'hi' }] } },
    { jobId: 'stray', delayMs: 3_600_000 },
  );
  await lot.enter(job, { name: 'old', waitsFor: JSON.stringify({ model: 'gone', faults: [] }) });
  await start();
  const [outcome] = await outcomesOf(['stray'], 20_000);
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'unknown_model' } });
});

test('keys of parked jobs that somebody has written over are told of once, and jobs go on all the same', async () => {
  await start();
  await goDown();
  const keys = redisKeys(prefix);
  await add('waits', { routing: { pin: 'one' } });
  await expect.poll(async () => (await lot.names()).length, { timeout: 20_000 }).toBe(2);
  await redis.set(keys.parkedGroups, 'garbage');
  await redis.set(keys.parked('bad'), 'garbage');
  await expect.poll(() => lot.names(), { timeout: 10_000 }).toHaveLength(2);
  await redis.hset(keys.parkedGroups, 'bad', JSON.stringify({ model: 'm', faults: [] }));
  await admin.revive(provider);
  await publish({});
  expect((await outcomesOf(['waits'], 20_000))[0]).toMatchObject({ status: 'completed' });
  await expect.poll(() => redis.exists(keys.parked('bad')), { timeout: 10_000 }).toBe(0);
  const { logs } = routers[0]!;
  expect(logs.filter(({ event }) => event === 'llm.waker.failed')).toEqual([]);
  const told = logs.filter(({ event }) => event === 'llm.redis.mended');
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThanOrEqual(2);
});

test('jobs that were parked by a router which is gone are let go by one that starts later', async () => {
  await start();
  await goDown();
  const ids = await addMany(20);
  await expect.poll(() => lot.count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(20);
  await admin.revive(provider);
  clearInterval(publishing);
  await routers[0]!.stop();
  routers = [];
  await start();
  await publish({});
  for (const outcome of await outcomesOf(ids, 30_000)) expect(outcome.status).toBe('completed');
});

describe('G52', () => {
  test('a high-priority job passes 1,000 low ones that wait: it is started next', async () => {
    await admin.removeProvider(provider);
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 1_500 } });
    await start({ concurrency: 1 });
    await add('first');
    await vi.waitFor(async () => expect(await callsMade()).toBe(1));
    for (let i = 0; i < 10; i++)
      await Promise.all(Array.from({ length: 100 }, (_, j) => add(`low-${i}-${j}`, { priority: 'low' })));
    const started = await callsMade();
    await add('high', { priority: 'high' }, 'x'.repeat(77));
    await outcomesOf(['high'], 30_000);
    const { calls } = await admin.calls({ provider });
    const place = calls.toSorted((a, b) => a.at - b.at).findIndex(({ promptChars }) => promptChars >= 77);
    // Those that had been started by then, or were just about to.
    expect(place).toBeLessThanOrEqual(started + 1);
  }, 60_000);

  test('low-priority jobs are answered although more high ones come than can be worked off', async () => {
    await admin.removeProvider(provider);
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 20 } });
    const router = await start({ concurrency: 2 }, 'jobs: { agingMs: 500 }');
    await publish({});
    let [n, isOver] = [0, false];
    // Always dozens of high ones in the queue.
    const load = (async () => {
      while (!isOver) {
        const { prioritized = 0 } = await queue.counts();
        await Promise.all(
          Array.from({ length: Math.max(0, 40 - prioritized) }, () => add(`high-${n++}`, { priority: 'high' })),
        );
      }
    })();
    await vi.waitFor(() => expect(n).toBeGreaterThan(40));
    const low = Array.from({ length: 6 }, (_, i) => `low-${i}`);
    await Promise.all(low.map((id) => add(id, { priority: 'low' })));
    const outcomes = await outcomesOf(low, 30_000);
    isOver = true;
    await load;
    for (const outcome of outcomes) expect(outcome.status).toBe('completed');
    expect(await metric(router.url, 'ai_jobs_aged_total{queue="completion"}')).toBeGreaterThanOrEqual(6);
  }, 60_000);
});
