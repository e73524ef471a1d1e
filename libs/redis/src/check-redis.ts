import type { Redis } from 'ioredis';
import { adviseOnRedis } from './redis-advice.js';
import { describeRedis } from './redis-address.js';
import { readRedisInfo, redisProblem, type RedisReport } from './redis-report.js';
import { parseRedisUrl } from './redis-url.js';
import { whenReady } from './when-ready.js';

/** How long to wait once an attempt to connect has failed, in milliseconds. */
const AWAY_MS = 1_000;

/** Where and what to check. */
export interface RedisCheckOptions {
  url: string;
  /** A key of ours that may be written: in a cluster the node that has it is the one that counts. */
  key: string;
  /** How long to wait for a connection, in milliseconds. */
  timeoutMs?: number;
}

/** What a check has found. */
export interface RedisFinding {
  /** One sentence with what is wrong and what to do; null when jobs may be entrusted to it. */
  problem: string | null;
  /** Undefined when the server could not be asked. */
  report?: RedisReport;
}

/**
 * Looks whether jobs may be entrusted to a Redis: that it can be reached and written to, is new enough, keeps what it is given. Asks
 * for INFO only, since managed services deny CONFIG. Never throws.
 */
export async function checkRedis(redis: Redis, options: RedisCheckOptions): Promise<RedisFinding> {
  const { url, key, timeoutMs = 3_000 } = options;
  const place = describeRedis(url);
  let report: RedisReport | undefined;
  try {
    await whenReady(redis, timeoutMs, Math.min(timeoutMs, AWAY_MS));
    report = readRedisInfo(String(await redis.eval("return redis.call('INFO')", 1, key)));
    const problem = redisProblem(report, parseRedisUrl(url).kind);
    if (problem !== null) return { problem: `${place}: ${problem}`, report };
    // A full disk, full memory or a missing right show only when something is written.
    await redis.set(key, '1', 'PX', 60_000);
    return { problem: null, report };
  } catch (error) {
    return { problem: `${place}: ${adviseOnRedis((error as Error).message)}`, ...(report && { report }) };
  }
}
