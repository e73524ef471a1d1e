import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { closeRedis, connectRedis } from '#libs/redis';
import { findFreePort, isPortFree } from '#libs/processes';
import { type RunningRedis, startRedis } from './start-redis.js';

/** A Redis Cluster of masters on loopback. */
export interface RunningCluster {
  /** `redis+cluster://…`, with the address of every node. */
  url: string;
  nodes: readonly RunningRedis[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;
/** The nodes talk among themselves on a port that lies this far above the one for clients. */
const BUS_OFFSET = 10_000;
const FORMING_DEADLINE_MS = 30_000;

/**
 * Starts a cluster whose slots are shared out evenly, and waits until every node serves.
 * @throws RedisStartError when there is no server program; Error when the nodes do not find together
 */
export async function startCluster(size = 3): Promise<RunningCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-cluster-'));
  const nodes: RunningRedis[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let i = 0; i < size; i++) {
      const settings = { 'cluster-enabled': 'yes', 'cluster-config-file': join(folder, `nodes-${i}.conf`) };
      const env = { ...process.env, REDIS_URL: undefined };
      nodes.push(await startRedis({ preferredPort: await portWithBus(), settings, env }));
    }
    await form(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, nodes, stop };
}

/** Gives out the slots, makes the nodes known to each other and waits until all agree. */
async function form(nodes: readonly RunningRedis[]): Promise<void> {
  const connections = nodes.map(({ url }) => connectRedis({ url, name: 'forming', patience: 'patient' }));
  try {
    for (const [i, redis] of connections.entries()) {
      const [first, end] = [i, i + 1].map((n) => Math.floor((n * SLOTS) / nodes.length)) as [number, number];
      await redis.cluster('ADDSLOTS', ...Array.from({ length: end - first }, (_, n) => first + n));
      await redis.cluster('SET-CONFIG-EPOCH', i + 1);
      await redis.cluster('MEET', '127.0.0.1', (nodes[0] as RunningRedis).port);
    }
    const deadline = Date.now() + FORMING_DEADLINE_MS;
    for (const redis of connections)
      while (!isFormed(String(await redis.cluster('INFO')), nodes.length)) {
        if (Date.now() > deadline) throw new Error('the nodes of the cluster do not find together');
        await pause(50);
      }
  } finally {
    await Promise.all(connections.map((redis) => closeRedis(redis)));
  }
}

const isFormed = (info: string, size: number) =>
  info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}`);

async function portWithBus(): Promise<number> {
  for (;;) {
    const port = await findFreePort();
    if (port + BUS_OFFSET < 65_536 && (await isPortFree(port + BUS_OFFSET))) return port;
  }
}
