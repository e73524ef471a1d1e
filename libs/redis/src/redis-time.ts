import type { Redis } from 'ioredis';

/**
 * The time of Redis, epoch milliseconds: the one clock that the whole fleet shares.
 * @param key any key of ours: in a cluster it is the clock of the node that has it, of all clocks the one that our scripts see
 */
export async function redisTimeMs(redis: Redis, key: string): Promise<number> {
  const [seconds, microseconds] = (await redis.eval("return redis.call('TIME')", 1, key)) as [string, string];
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}
