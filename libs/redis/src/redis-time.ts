import type { Redis } from 'ioredis';

/** The time of Redis, epoch milliseconds: the one clock that the whole fleet shares. */
export async function redisTimeMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}
