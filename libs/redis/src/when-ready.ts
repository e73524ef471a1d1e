import type { Redis } from 'ioredis';
import { connectionFailure } from './connect-redis.js';
import { adviseOnRedis } from './redis-advice.js';

/**
 * Waits until commands can be sent.
 * @param timeoutMs how long in all
 * @param awayMs how long once an attempt to connect has failed: a slow start deserves more patience than an absent server
 * @throws Error when the connection is not up in time, with what the last attempt met, or was closed by us
 */
export function whenReady(redis: Redis, timeoutMs: number, awayMs = timeoutMs): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  if (redis.status === 'end') return Promise.reject(new Error('the connection was closed'));
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => () => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('close', onFailedAttempt);
      redis.off('error', onFailedAttempt);
      redis.off('end', onEnd);
      finish();
    };
    const giveUpAfter = (ms: number) =>
      setTimeout(
        settle(() => reject(new Error(`no connection after ${ms} ms${reasonOf(redis)}`))),
        ms,
      );
    const onReady = settle(resolve);
    const onEnd = settle(() => reject(new Error('the connection was closed')));
    const onFailedAttempt = () => {
      clearTimeout(timer);
      timer = giveUpAfter(awayMs);
    };
    let timer = giveUpAfter(redis.status === 'reconnecting' || connectionFailure(redis) ? awayMs : timeoutMs);
    redis.on('ready', onReady);
    redis.once('close', onFailedAttempt);
    // Sentinels that do not answer are asked again without a close.
    redis.once('error', onFailedAttempt);
    redis.on('end', onEnd);
  });
}

function reasonOf(redis: Redis): string {
  const failure = connectionFailure(redis);
  return failure ? `: ${adviseOnRedis(failure.message)}` : '';
}
