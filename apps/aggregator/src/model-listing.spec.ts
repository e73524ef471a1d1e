import { redisKeys, type ListedModel } from '#libs/contracts';
import { connectRedis, type Redis } from '#libs/redis';
import { ModelListings } from '#libs/store';
import { uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { configOf, startAggregator, type RunningAggregator } from './aggregator.fixture.js';
import type { StatusReport } from './status.controller.js';

const redisUrl = process.env.REDIS_URL!;
const DAY_MS = 86_400_000;
const [A, B] = ['p/a', 'p/b'];
const config = configOf({ [A]: 1, [B]: 1, 'q/c': 1 });

let prefix: string;
let redis: Redis;
let listings: ModelListings;
let running: RunningAggregator[];

beforeEach(async () => {
  prefix = uniquePrefix();
  running = [];
  redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
  listings = new ModelListings({ redisUrl, prefix });
  await vi.waitFor(() => listings.read(['p']));
});
afterEach(async () => {
  await Promise.all([...running.map((aggregator) => aggregator.stop()), listings.close()]);
  redis.disconnect();
});

async function start(settings = config): Promise<RunningAggregator> {
  const aggregator = await startAggregator({ redisUrl, prefix }, settings);
  running.push(aggregator);
  return aggregator;
}

const learn = (targets: Record<string, ListedModel>) =>
  listings.keep('p', '1', { askedAt: 1, failure: null, targets }, { turnMs: 60_000, listingMs: 60_000 });
const a = (change: Partial<ListedModel> = {}) => ({ model: 'a', listed: true, shutdownAt: null, ...change });

const statusOf = async ({ url }: RunningAggregator) => (await (await fetch(`${url}/status`)).json()) as StatusReport;
const untilTarget = (aggregator: RunningAggregator, target: string, expected: object) =>
  vi.waitFor(
    async () => {
      const { targets } = await statusOf(aggregator);
      expect(targets.find((report) => report.target === target)).toMatchObject(expected);
    },
    { interval: 50 },
  );
const metricsOf = async ({ url }: RunningAggregator) => (await fetch(`${url}/metrics`)).text();
const alertsOf = ({ logs }: RunningAggregator) =>
  logs.filter(({ event }) => event === 'llm.alert').map(({ key, status }) => `${String(status)} ${String(key)}`);

describe("what providers' lists say of their models", () => {
  test('is told in /status and in the metrics, and changes neither health nor weights', async () => {
    const shutdownAt = Date.now() + 100 * DAY_MS;
    await learn({ [A]: a({ listed: false }), [B]: { model: 'b', listed: true, shutdownAt }, 'p/gone': a() });
    const aggregator = await start();
    const well = { available: true, healthy: true, breaker: 'closed', weight: 1, error_message: null };
    await untilTarget(aggregator, A, { listed: false, shutdown_at: null, ...well });
    await untilTarget(aggregator, B, { listed: true, shutdown_at: shutdownAt, ...well });
    await untilTarget(aggregator, 'q/c', { listed: null, shutdown_at: null, ...well });
    const weights = (await statusOf(aggregator)).targets.map(({ routing_weight }) => routing_weight);
    expect(new Set(weights).size).toBe(1);
    const metrics = await metricsOf(aggregator);
    expect(metrics).toContain('ai_model_listed{target="p/a"} 0');
    expect(metrics).toContain('ai_model_listed{target="p/b"} 1');
    expect(metrics).toContain(`ai_model_shutdown_timestamp_seconds{target="p/b"} ${shutdownAt / 1000}`);
    expect(metrics).not.toMatch(/ai_model_(listed|shutdown_timestamp_seconds)\{target="(q\/c|p\/gone)"/);
    expect(alertsOf(aggregator)).toEqual([]);
  });

  test('is an alert when a model ends soon: once, whoever leads, and over when another is configured', async () => {
    await learn({ [A]: a({ shutdownAt: Date.now() + 3 * DAY_MS }) });
    const first = await start();
    await vi.waitFor(() => expect(alertsOf(first)).toEqual([`firing model_shutdown/${A}`]));
    await first.kill();
    running = [];
    const second = await start();
    await untilTarget(second, A, { listed: true });
    await vi.waitFor(async () => expect(await statusOf(second)).toMatchObject({ role: 'leader' }));
    expect(alertsOf(second)).toEqual([]);
    await learn({ [A]: a() });
    await vi.waitFor(() => expect(alertsOf(second)).toEqual([`resolved model_shutdown/${A}`]));
  });

  test('is not told of a target that has another model by now, and not when the watch is off', async () => {
    await learn({ [A]: a({ model: 'old', listed: false }), [B]: { model: 'b', listed: true, shutdownAt: null } });
    const aggregator = await start();
    await untilTarget(aggregator, B, { listed: true });
    await untilTarget(aggregator, A, { listed: null });
    const off = await start({ ...config, probes: { ...config.probes, modelsIntervalMs: 0 } });
    await aggregator.stop();
    running = [off];
    await untilTarget(off, B, { listed: null });
  });

  test('stops nothing when it cannot be read', async () => {
    await learn({ [A]: a() });
    const aggregator = await start();
    await untilTarget(aggregator, A, { listed: true });
    await redis.set(redisKeys(prefix).modelListing('q'), '{"targets":');
    const { version } = await statusOf(aggregator);
    await vi.waitFor(async () => expect((await statusOf(aggregator)).version).toBeGreaterThan(version! + 6));
    await untilTarget(aggregator, A, { listed: true });
  });
});
