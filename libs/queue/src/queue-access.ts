import { UnderstudyError } from '#libs/contracts';
import { adviseOnRedis, describeRedis, type Redis, whenReady, withoutCommand } from '#libs/redis';

/** Where the queues are. */
export interface QueueLocation {
  /** A server, a cluster or Sentinels: see `REDIS_URL_FORMS` of #libs/redis. */
  redisUrl: string;
  /** Hash tag under which this installation's keys lie: `{understudy}`. */
  prefix: string;
  /** A connection to use instead of an own one; whoever opened it closes it. */
  connection?: Redis | undefined;
}

/** How long a caller waits for the first connection of a process on a busy machine, in milliseconds. */
const CONNECTING_GRACE_MS = 3_000;

/** How long a caller waits while Redis is known to be away: enough for a connection that was cut and comes back. */
const AWAY_GRACE_MS = 300;

/**
 * Does `work` when Redis can be reached.
 * @throws UnderstudyError `queue_unavailable`, naming Redis by host and port and what to do, when it cannot or when it refuses
 */
export async function withRedis<T>(redisUrl: string, redis: Redis, work: () => Promise<T>): Promise<T> {
  try {
    await whenReady(redis, CONNECTING_GRACE_MS, AWAY_GRACE_MS);
    return await work();
  } catch (error) {
    // A fault of ours (a value that cannot be written, say) is none of Redis'.
    if (error instanceof UnderstudyError || error instanceof TypeError || error instanceof RangeError) throw error;
    const cause = withoutCommand(error);
    const what = cause.name === 'ReplyError' ? 'refuses' : 'cannot be reached';
    throw new UnderstudyError(
      'queue_unavailable',
      `The queue (${describeRedis(redisUrl)}) ${what}: ${adviseOnRedis(cause.message)}`,
      { retryable: true, cause },
    );
  }
}
