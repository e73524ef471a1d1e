import type { Redis } from '#libs/redis';

/** Fields of a job's hash that BullMQ reads as JSON before anything of ours sees the job. */
const JSON_OBJECTS = ['opts', 'parent', 'progress'];

/** Fields that BullMQ's scripts count up: runs that began, runs that were taken over, and runs that failed. */
const COUNTERS = ['ats', 'stc', 'atm'];

/**
 * Drops what BullMQ cannot read from a job's hash. Such a job can only have been written by hand; it would be taken up,
 * throw inside BullMQ, stall and be taken up again for ever, without ever reaching a handler that could refuse it; or it would be in no
 * list any more, where the number of its failed runs cannot be counted up at its end.
 */
export async function mendJob(redis: Redis, jobKey: string): Promise<void> {
  const fields = [...JSON_OBJECTS, ...COUNTERS];
  const values = await redis.hmget(jobKey, ...fields);
  const broken = fields.filter((field, i) => !isUsable(field, values[i] ?? null));
  if (broken.length > 0) await redis.hdel(jobKey, ...broken);
}

/**
 * After an error by which BullMQ's script took up no job: where it says that a counter cannot be counted up, mends all jobs in hand,
 * of which one is to blame. At once: the check for stalled jobs would stumble over it too, and drop it.
 * @param keyOf name of a key of the queue
 */
export async function mendAfter(error: Error, redis: Redis, keyOf: (name: string) => string): Promise<void> {
  if (!error.message.includes('not an integer')) return;
  for (const jobId of await redis.lrange(keyOf('active'), 0, -1)) await mendJob(redis, keyOf(jobId));
}

function isUsable(field: string, text: string | null): boolean {
  return COUNTERS.includes(field) ? text === null || /^\d{1,15}$/.test(text) : isReadable(field, text);
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
