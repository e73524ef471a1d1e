/** There is no Redis to work with; the message tells what to do about it. */
export class RedisStartError extends Error {
  override readonly name = 'RedisStartError';
  readonly code = 'redis_unavailable';
}
