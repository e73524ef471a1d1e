/** Oldest server that has every command which BullMQ 6 and our scripts use. */
const OLDEST_VERSION = [6, 2] as const;

/** What a server says of itself, as far as it matters to a queue. */
export interface RedisReport {
  /** `7.0.15`; of Valkey the version of Redis that it stands for. */
  version: string;
  role: string;
  maxmemoryPolicy: string;
  /** In bytes; 0 is no limit. */
  maxmemory: number;
  usedMemory: number;
  /** Whether every write goes to an append-only file. */
  appendOnly: boolean;
  isClusterNode: boolean;
}

/** Reads the answer to INFO. What a managed service leaves out is taken for good. */
export function readRedisInfo(info: string): RedisReport {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return {
    version: field('redis_version'),
    role: field('role') || 'master',
    maxmemoryPolicy: field('maxmemory_policy') || 'noeviction',
    maxmemory: Number(field('maxmemory')),
    usedMemory: Number(field('used_memory')),
    appendOnly: field('aof_enabled') === '1',
    isClusterNode: field('cluster_enabled') === '1',
  };
}

/**
 * Why this server cannot be trusted with jobs, and what to do; null when it can.
 * @param kind how it was connected to
 */
export function redisProblem(report: RedisReport, kind: 'single' | 'cluster' | 'sentinel'): string | null {
  const { version, role, maxmemoryPolicy, isClusterNode } = report;
  if (isOlder(version)) return `Redis ${version} is too old: version ${OLDEST_VERSION.join('.')} or newer is needed`;
  if (isClusterNode && kind !== 'cluster')
    return 'this is a node of a cluster: write redis+cluster://host:port in REDIS_URL';
  if (role !== 'master')
    return 'this is a read-only replica: let REDIS_URL name the master, or the Sentinels that know it (redis+sentinel://)';
  if (maxmemoryPolicy !== 'noeviction')
    return `maxmemory-policy is ${maxmemoryPolicy}, which drops jobs when memory runs out: set it to noeviction`;
  return null;
}

function isOlder(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  // A server that does not tell is not judged.
  if (major === undefined || minor === undefined || Number.isNaN(major + minor)) return false;
  return major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1]);
}
