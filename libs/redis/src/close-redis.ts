import type { Redis } from 'ioredis';

/** Ends a connection: politely when Redis answers within `deadlineMs`, at once when it does not. Never throws. */
export async function closeRedis(redis: Redis, deadlineMs = 1_000): Promise<void> {
  if (redis.status !== 'ready') {
    redis.disconnect();
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([redis.quit().catch(() => undefined), deadline]);
  clearTimeout(timer);
  redis.disconnect();
}
