import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QUEUES, type JobOutcome } from '#libs/contracts';
import { CompletionQueue, ParkingLot, ResultStore } from '#libs/queue';
import { simulatorAdmin, type Stack, startStack, SLACK_MS } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningRedis, startRedis } from '../../tools/redis/start-redis.js';

// The whole system in processes of its own, with every provider down for a while. Times are compressed: pings come each 300 ms.

const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const OUTAGE_MS = 12_000;
const run = `parking-${process.pid}`;
const providers = [`${run}-a`, `${run}-b`] as const;
let redis: RunningRedis;
let dir: string;
let stack: Stack;
let queue: CompletionQueue;
let results: ResultStore;
let lot: ParkingLot;
let n = 0;

beforeAll(async () => {
  for (const provider of providers)
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 20 } });
  // A Redis of its own: it is stopped.
  dir = await mkdtemp(join(tmpdir(), 'understudy-redis-'));
  redis = await startRedis({ persistent: { dir }, env: { ...process.env, REDIS_URL: undefined } });
  const [a, b] = providers;
  stack = await startStack({
    redisUrl: redis.url,
    apps: { prober: 1, aggregator: 1, router: 2 },
    config: `
providers:
  ${a}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${a}/v1' }
  ${b}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${b}/v1' }
targets:
  - { id: a, provider: ${a}, model: m }
  - { id: b, provider: ${b}, model: m }
probes: { intervalMs: 300 }
health: { policy: { openBaseMs: 1000, openMaxMs: 2000, probeOpenMs: 300, probeOpenMaxMs: 500, probeConfirmMs: 200 } }
`,
  });
  const location = { redisUrl: stack.redisUrl, prefix: stack.prefix };
  queue = new CompletionQueue(location);
  results = new ResultStore({ ...location, ttlMs: 60_000 });
  lot = new ParkingLot(QUEUES.completion, location);
});

afterAll(async () => {
  await Promise.all([queue?.close(), results?.close(), lot?.close()]);
  await stack?.stop();
  await redis?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
  for (const provider of providers) await admin.removeProvider(provider);
});

const add = () =>
  queue.add({ request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] } }, { jobId: `job-${n++}` });

/** Every breaker is open, as the aggregator sees it. */
const areAllOpen = () =>
  vi.waitFor(
    async () => {
      const { url } = stack.app('router', 1);
      const { targets } = (await (await fetch(`${url}/status`)).json()) as { targets: { breaker: string }[] };
      expect(targets.map(({ breaker }) => breaker)).toEqual(['open', 'open']);
    },
    { timeout: 20_000, interval: 50 },
  );

async function allOutcomes(ids: string[], timeout: number): Promise<JobOutcome[]> {
  return vi.waitFor(
    async () => {
      const outcomes = (await results.getMany(ids)).filter((outcome) => outcome !== null);
      expect(outcomes).toHaveLength(ids.length);
      return outcomes;
    },
    { timeout, interval: 100 },
  );
}

const attemptsOf = (outcome: JobOutcome) =>
  outcome.status === 'completed' ? outcome.result.understudy.attempts : outcome.error.attempts;

describe('with every provider down', () => {
  test('P2 jobs outlive the outage: every one is answered, and few calls are made for nothing', async () => {
    await Promise.all(providers.map((provider) => admin.kill(provider)));
    const endsAt = performance.now() + OUTAGE_MS;
    const ids: string[] = [];
    await vi.waitFor(
      async () => {
        ids.push(await add());
        expect(performance.now()).toBeGreaterThan(endsAt);
      },
      { timeout: OUTAGE_MS + 10_000, interval: 100 },
    );
    await areAllOpen();
    await expect.poll(() => lot.count()).toBeGreaterThan(ids.length / 2);
    await Promise.all(providers.map((provider) => admin.revive(provider)));
    const revivedAt = Date.now();

    const outcomes = await allOutcomes(ids, 30_000);
    expect(outcomes.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    // The jobs that came before the breakers opened paid for finding that out.
    const needless = outcomes.flatMap(attemptsOf).filter(({ outcome }) => outcome !== 'success').length;
    expect(needless).toBeLessThan(ids.length);
    // Open targets are pinged each half a second; two good pings, then a trial.
    const first = Math.min(...outcomes.map((outcome) => attemptsOf(outcome).at(-1)?.startedAt ?? Infinity));
    expect(first - revivedAt).toBeLessThan(5_000 + SLACK_MS);
  }, 90_000);

  test('a router is killed while jobs are parked: another one lets them go, and none is lost or asked for twice', async () => {
    await Promise.all(providers.map((provider) => admin.kill(provider)));
    for (let i = 0; i < 20; i++) await add();
    await areAllOpen();
    const ids = await Promise.all(Array.from({ length: 40 }, add));
    await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ prioritized: 0, active: 0 }), 20_000);
    await expect.poll(() => lot.count()).toBeGreaterThanOrEqual(40);

    stack.app('router', 0).kill('SIGKILL');
    await stack.app('router', 0).exited;
    await Promise.all(providers.map((provider) => admin.revive(provider)));
    const outcomes = await allOutcomes(ids, 30_000);
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('completed');
      expect(attemptsOf(outcome).filter((attempt) => attempt.outcome === 'success')).toHaveLength(1);
    }
    await expect.poll(() => lot.groups()).toEqual([]);
  }, 90_000);

  test('Redis is restarted while jobs are parked: they are still there, and are let go', async () => {
    await Promise.all(providers.map((provider) => admin.kill(provider)));
    for (let i = 0; i < 20; i++) await add();
    await areAllOpen();
    const ids = await Promise.all(Array.from({ length: 40 }, add));
    await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ prioritized: 0, active: 0 }), 20_000);
    // These and those that found the providers down; now and then one of them is let go to try again.
    const areParked = () => vi.waitFor(async () => expect(await lot.count()).toBeGreaterThanOrEqual(ids.length));
    await areParked();
    await redis.stop();
    await redis.restart();
    await areParked();
    await Promise.all(providers.map((provider) => admin.revive(provider)));
    const outcomes = await allOutcomes(ids, 40_000);
    expect(outcomes.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    await expect.poll(() => lot.groups()).toEqual([]);
  }, 90_000);
});
