import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseConfig } from '#libs/config';
import { type HealthSnapshot, redisKeys, type TargetHealth } from '#libs/contracts';
import { DEFAULT_POLICY, initialTargetState, viewTarget } from '#libs/health-core';
import { CompletionQueue, ParkingLot } from '#libs/queue';
import { closeRedis, connectRedis, whenReady } from '#libs/redis';
import { SnapshotStore } from '#libs/store';
import { startProcess } from '#libs/testing';
import { startRedis } from '../../tools/redis/start-redis.js';

// What jobs cost that wait for somebody who can be asked: CPU of a router and of its Redis, both alone on this bench, with none parked
// with 2,000 that all wait for something else and with 100,000, one after the other. Health says every second that the only target is
// down, as an aggregator would. And how long it takes until the 2,000 have been let go, once it is up: the queue is paused meanwhile and
// what stands in front is taken off, so that the router's work on jobs is not measured.
//
//   npm run build && node dist/test/bench/parked-jobs.js

const PARKED = 100_000;
/** They wait for so many different things: models and wishes of callers. */
const GROUPS = 20;
/** So many jobs that all wait for something else. */
const LONE = 2_000;
const WINDOW_MS = 20_000;
const AT_ONCE = 500;
const HOUR = 3_600_000;

const configText = `
providers: { down: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:9/v1' } }
targets: [{ id: down/m, provider: down, model: m }]
`;
const [target] = parseConfig(configText, {}).targets;
if (!target) throw new Error('the configuration has no target');

const folder = await mkdtemp(join(tmpdir(), 'understudy-bench-'));
const config = join(folder, 'understudy.yaml');
await writeFile(config, configText);
const server = await startRedis({ env: { ...process.env, REDIS_URL: undefined } });
const location = { redisUrl: server.url, prefix: '{bench}' };
const redis = connectRedis({ url: server.url, name: 'bench', patience: 'patient' });
const store = new SnapshotStore({ ...location });
const queue = new CompletionQueue(location);
const lot = new ParkingLot('completion', location);

await whenReady(redis, 10_000);
const DOWN = { breaker: 'open', available: false, healthy: false, reason: 'consecutive_failures' } as const;
let [version, isUp] = [0, false];
async function publish(): Promise<void> {
  if (!target) return;
  const at = Date.now();
  const view = viewTarget(initialTargetState(target, DEFAULT_POLICY), target, at, DEFAULT_POLICY);
  const health: TargetHealth = {
    ...view,
    ...(isUp ? {} : DOWN),
    lastProbeAt: at,
    model: 'm',
    routingWeight: 0,
    successRate: 0,
    requests: 1,
    failures: 1,
    lastCheckAt: at,
    probeIntervalMs: 30_000,
  };
  const snapshot: HealthSnapshot = { epoch: 0, version: ++version, at, scoring: 'adaptive', targets: [health] };
  await store.publish({ epoch: 0, snapshot, state: '{}' });
}

/** Writes jobs as a router leaves them that has parked them. */
async function park(name: string, from: number, count: number, groups: number): Promise<void> {
  const request = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(500) }] };
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const jobId = `${name}-${from + i}`;
      const group = (from + i) % groups;
      const waitsFor = JSON.stringify({
        model: 'm',
        routing: { fallbacks: Array(group % 16).fill('down/m') },
        faults: [],
        group,
      });
      await queue.add({ request }, { jobId, delayMs: HOUR });
      await lot.enter({ jobId, priority: 20, enqueuedAt: Date.now() }, { name: `${name}-${group}`, waitsFor });
    }),
  );
}

const routerCpu = async (url: string) =>
  Number(/^process_cpu_seconds_total ([0-9.e+-]+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);

async function redisCpu(): Promise<number> {
  const info = await redis.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`^${name}:([0-9.]+)`, 'm').exec(info)?.[1]);
  return seconds('used_cpu_user') + seconds('used_cpu_sys');
}

const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1]);

for (let isPublished = false; !isPublished; await delay(50)) {
  // The connection of the store may not stand yet.
  isPublished = await publish().then(
    () => true,
    () => false,
  );
}
const publishing = setInterval(() => void publish().catch(() => undefined), 1_000);
const router = await startProcess({
  name: 'router',
  entry: 'apps/router/src/main.js',
  env: { REDIS_URL: server.url, UNDERSTUDY_PREFIX: location.prefix, UNDERSTUDY_CONFIG: config },
});

async function measure(parked: string) {
  await delay(2_000);
  const before = [await routerCpu(router.url), await redisCpu(), await commands()] as const;
  await delay(WINDOW_MS);
  const after = [await routerCpu(router.url), await redisCpu(), await commands()] as const;
  const perSecond = (i: 0 | 1 | 2) => ((after[i] - before[i]) * 1_000) / WINDOW_MS;
  return {
    parked,
    'router, ms of CPU per s': (perSecond(0) * 1_000).toFixed(1),
    'Redis, ms of CPU per s': (perSecond(1) * 1_000).toFixed(1),
    'commands per s': perSecond(2).toFixed(0),
    'Redis, MB': (Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]) / 2 ** 20).toFixed(0),
  };
}

/** Lets all parked jobs go. Returns milliseconds from the snapshot that tells of the recovery to the last of them. */
async function recover(): Promise<number> {
  const keys = redisKeys(location.prefix);
  const bull = (name: string) => keys.bull('completion', name);
  await redis.hset(bull('meta'), 'paused', 1);
  const startedAt = performance.now();
  isUp = true;
  await publish();
  while ((await redis.hlen(keys.parkedGroups)) > 0) {
    await redis.zremrangebyrank(bull('prioritized'), 0, -1);
    await delay(2);
  }
  const ms = performance.now() - startedAt;
  isUp = false;
  await publish();
  await redis.zremrangebyrank(bull('prioritized'), 0, -1);
  await redis.hdel(bull('meta'), 'paused');
  return ms;
}

try {
  const rows = [await measure('0')];
  for (let from = 0; from < LONE; from += AT_ONCE) await park('lone', from, AT_ONCE, LONE);
  rows.push(await measure(`${await lot.count()} in ${LONE} groups`));
  console.log(`${LONE} in ${LONE} groups were let go in ${(await recover()).toFixed(0)} ms`);
  for (let from = 0; from < PARKED; from += AT_ONCE) await park('job', from, AT_ONCE, GROUPS);
  rows.push(await measure(`${await lot.count()} in ${GROUPS} groups`));
  console.table(rows);
} finally {
  clearInterval(publishing);
  await router.stop();
  await Promise.all([queue.close(), lot.close(), store.close(), closeRedis(redis)]);
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
