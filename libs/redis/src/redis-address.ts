/** Where a Redis is, without credentials: safe for messages, logs and spans. */
export interface RedisAddress {
  host: string;
  port: number;
}

/** Host and port of a Redis URL; user name and password are left out. */
export function redisAddress(url: string): RedisAddress {
  const { hostname, port } = new URL(url);
  return { host: hostname || '127.0.0.1', port: port === '' ? 6379 : Number(port) };
}
