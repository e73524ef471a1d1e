import type { Redis } from '#libs/redis';

/** Fields of a job's hash that BullMQ reads as JSON before anything of ours sees the job. */
const JSON_OBJECTS = ['opts', 'parent', 'progress'];

/**
 * Drops what BullMQ cannot read from a job's hash. Such a job can only have been written by hand; it would be taken up,
 * throw inside BullMQ, stall and be taken up again for ever, without ever reaching a handler that could refuse it.
 */
export async function mendJob(redis: Redis, jobKey: string): Promise<void> {
  const values = await redis.hmget(jobKey, ...JSON_OBJECTS);
  const broken = JSON_OBJECTS.filter((field, i) => !isReadable(field, values[i] ?? null));
  if (broken.length > 0) await redis.hdel(jobKey, ...broken);
}

function isReadable(field: string, text: string | null): boolean {
  if (text === null) return true;
  try {
    const value: unknown = JSON.parse(text);
    return field === 'progress' || (typeof value === 'object' && value !== null);
  } catch {
    return false;
  }
}
