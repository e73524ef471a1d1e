import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { closeRedis, connectRedis } from '#libs/redis';
import { type RunningRedis, startRedis } from './start-redis.js';

/** A master, a replica and the Sentinels that watch over them, on loopback. */
export interface RunningSentinels {
  /** `redis+sentinel://…`, with the address of every Sentinel. */
  url: string;
  master: RunningRedis;
  replica: RunningRedis;
  /** Waits until the replica has all that the master had when it was asked. */
  copied(): Promise<void>;
  stop(): Promise<void>;
}

const MASTER_NAME = 'understudy';
/** A master that is silent for so long is given up. */
const DOWN_AFTER_MS = 1_000;
const READY_DEADLINE_MS = 30_000;

/**
 * Starts them, and waits until the replica follows and every Sentinel knows of all.
 * @throws RedisStartError when there is no server program; Error when they do not find together
 */
export async function startSentinels(count = 1): Promise<RunningSentinels> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-sentinel-'));
  const env = { ...process.env, REDIS_URL: undefined };
  const running: RunningRedis[] = [];
  const start = async (options: Parameters<typeof startRedis>[0]) => {
    const redis = await startRedis({ env, ...options });
    running.push(redis);
    return redis;
  };
  const stop = async () => {
    await Promise.all(running.map((redis) => redis.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const master = await start({ settings: { dir: folder, 'repl-diskless-sync-delay': '0' } });
    const replica = await start({ settings: { dir: folder, replicaof: `127.0.0.1 ${master.port}` } });
    const sentinels: RunningRedis[] = [];
    for (let i = 0; i < count; i++) {
      const sentinelFile = join(folder, `sentinel-${i}.conf`);
      await writeFile(sentinelFile, sentinelConfig(master.port, Math.floor(count / 2) + 1));
      sentinels.push(await start({ sentinelFile }));
    }
    for (const { url } of sentinels) await untilComplete(url, count);
    const places = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return {
      url: `redis+sentinel://${places}/${MASTER_NAME}`,
      master,
      replica,
      copied: () => untilCopied(master.url),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const sentinelConfig = (
  masterPort: number,
  quorum: number,
) => `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${quorum}
sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}
sentinel failover-timeout ${MASTER_NAME} 5000
`;

async function untilComplete(url: string, sentinels: number): Promise<void> {
  const redis = connectRedis({ url, name: 'sentinel', patience: 'patient' });
  try {
    for (const deadline = Date.now() + READY_DEADLINE_MS; ; await pause(50)) {
      const fields = (await redis.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
      const field = (name: string) => fields[fields.indexOf(name) + 1];
      if (field('num-slaves') === '1' && field('num-other-sentinels') === String(sentinels - 1)) return;
      if (Date.now() > deadline) throw new Error('the Sentinel does not find the replica');
    }
  } finally {
    await closeRedis(redis);
  }
}

async function untilCopied(masterUrl: string): Promise<void> {
  const redis = connectRedis({ url: masterUrl, name: 'copied', patience: 'patient' });
  // WAIT counts what this connection wrote: its offset is behind everything that was written before.
  await redis.publish('copied', '');
  await redis.wait(1, 0);
  await closeRedis(redis);
}
