import { describe, expect, it } from 'vitest';
import { describeRedis, redisAddress, withoutCredentials } from './redis-address.js';
import { adviseOnRedis } from './redis-advice.js';
import { parseRedisUrl } from './redis-url.js';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://cache', { kind: 'single', tls: false, nodes: [{ host: 'cache', port: 6379 }], db: 0 }],
    ['redis://', { nodes: [{ host: '127.0.0.1', port: 6379 }] }],
    ['rediss://me:p%40ss%3A@cache:7000/2', { tls: true, username: 'me', password: 'p@ss:', db: 2 }],
    ['redis://:only%20this@cache', { username: undefined, password: 'only this' }],
    ['redis://[::1]:7000', { nodes: [{ host: '::1', port: 7000 }] }],
    [
      'redis+cluster://u:p@a:7000,b:7001,c',
      {
        kind: 'cluster',
        username: 'u',
        password: 'p',
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 7001 },
          { host: 'c', port: 6379 },
        ],
      },
    ],
    ['rediss+cluster://a', { kind: 'cluster', tls: true }],
    [
      'redis+sentinel://u:p@a,b:7001/my%20master/3?sentinelPassword=x%26y',
      {
        kind: 'sentinel',
        master: 'my master',
        db: 3,
        sentinelPassword: 'x&y',
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 7001 },
        ],
      },
    ],
  ])('reads %s', (url, says) => {
    expect(parseRedisUrl(url)).toMatchObject(says);
  });

  it.each([
    ['http://cache:6379', 'is not a Redis URL'],
    ['cache:6379', 'is not a Redis URL'],
    ['redis://a:1,b:2', 'several hosts'],
    ['redis://a:0', 'port'],
    ['redis://a:99999', 'port'],
    ['redis://a/first', 'database'],
    ['redis+cluster://a/1', 'database'],
    ['redis+sentinel://a:26379', 'master'],
    ['redis://u:50%@a', '%25'],
    ['redis://us er:s3cret@a b', 'host'],
  ])('refuses %s with the reason and the forms, and without its password', (url, reason) => {
    const refusal = () => parseRedisUrl(url);
    expect(refusal).toThrow(reason);
    expect(refusal).toThrow('redis+sentinel://');
    expect(refusal).not.toThrow('s3cret');
  });
});

describe('what is told of a Redis', () => {
  it.each([
    ['redis://user:pw@cache.local:7000/2', 'Redis at cache.local:7000'],
    ['rediss://user:pw@[::1]', 'Redis at [::1]:6379'],
    ['redis+cluster://user:pw@a:1,b:2', 'Redis Cluster at a:1, b:2'],
    ['redis+sentinel://user:pw@a,b/main', 'Redis "main" of the Sentinels at a:26379, b:26379'],
  ])('names the place of %s, and no credentials', (url, words) => {
    expect(describeRedis(url)).toBe(words);
    expect(withoutCredentials(url)).not.toMatch(/user|pw/);
  });

  it('gives the first host of several as address', () => {
    expect(redisAddress('redis+cluster://user:pw@a:1,b:2')).toEqual({ host: 'a', port: 1 });
  });

  it.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'password in REDIS_URL is wrong'],
    ['NOAUTH Authentication required.', 'asks for a password'],
    ["READONLY You can't write against a read only replica.", 'read-only replica'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'raise its maxmemory'],
    ['self-signed certificate in certificate chain', 'REDIS_TLS_CA'],
    ['MOVED 866 127.0.0.1:7001', 'redis+cluster://'],
  ])('says what to do about "%s"', (message, advice) => {
    expect(adviseOnRedis(message)).toContain(advice);
    expect(adviseOnRedis(message)).toContain(message);
  });
});
