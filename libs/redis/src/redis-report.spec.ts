import { describe, expect, it } from 'vitest';
import { readRedisInfo, redisProblem } from './redis-report.js';

const info = (fields: Record<string, string>) =>
  Object.entries({ redis_version: '7.0.15', role: 'master', maxmemory_policy: 'noeviction', ...fields })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');

describe('redisProblem', () => {
  it.each([
    ['a server of 6.2', { redis_version: '6.2.0' }],
    ['a newer one', { redis_version: '8.2.1' }],
    ['one that tells little', { redis_version: '', role: '', maxmemory_policy: '' }],
  ])('finds nothing wrong with %s', (_name, fields) => {
    expect(redisProblem(readRedisInfo(info(fields)), 'single')).toBeNull();
  });

  it.each([
    [{ redis_version: '6.0.16' }, 'Redis 6.0.16 is too old: version 6.2 or newer'],
    [{ redis_version: '5.0.7' }, 'too old'],
    [{ role: 'slave' }, 'read-only replica: let REDIS_URL name the master'],
    [{ maxmemory_policy: 'allkeys-lru' }, 'maxmemory-policy is allkeys-lru, which drops jobs'],
    [{ maxmemory_policy: 'volatile-ttl' }, 'set it to noeviction'],
    [{ cluster_enabled: '1' }, 'write redis+cluster://'],
  ])('names what is wrong with %j, and what to do', (fields, problem) => {
    expect(redisProblem(readRedisInfo(info(fields)), 'single')).toContain(problem);
  });

  it('takes a node of a cluster that is spoken to as such', () => {
    expect(redisProblem(readRedisInfo(info({ cluster_enabled: '1' })), 'cluster')).toBeNull();
  });
});
