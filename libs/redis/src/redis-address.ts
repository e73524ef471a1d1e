import { parseRedisUrl, type RedisNode } from './redis-url.js';

/** Host and port of a Redis URL, of its first host where it has several; user name and password are left out. */
export function redisAddress(url: string): RedisNode {
  return parseRedisUrl(url).nodes[0] as RedisNode;
}

/** Where a Redis is, in words, without credentials: safe for messages and logs. */
export function describeRedis(url: string): string {
  const { kind, nodes, master } = parseRedisUrl(url);
  const places = nodes.map(hostAndPort).join(', ');
  if (kind === 'cluster') return `Redis Cluster at ${places}`;
  return kind === 'sentinel' ? `Redis "${master}" of the Sentinels at ${places}` : `Redis at ${places}`;
}

/** The URL with its credentials left out: safe to print, and of use where none are needed. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^@/?#]*@/, '//').replace(/\?.*$/, '');
}

const hostAndPort = ({ host, port }: RedisNode) => `${host.includes(':') ? `[${host}]` : host}:${port}`;
