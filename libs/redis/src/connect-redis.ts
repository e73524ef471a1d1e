import { Cluster, type CommonRedisOptions, Redis, type RedisOptions } from 'ioredis';
import { readRedisTls } from './redis-tls.env.js';
import { parseRedisUrl, type RedisLocation } from './redis-url.js';
import { SteadySentinelConnector } from './sentinel-connector.js';
import { withoutCommand } from './without-command.js';

/** Longest pause between two attempts to connect, in milliseconds. */
const MAX_RECONNECT_PAUSE_MS = 1_000;

/** An attempt to connect that has no answer after this is given up and repeated, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A fail-fast command that has no answer after this is rejected: Redis is there but hangs. In milliseconds. */
const COMMAND_TIMEOUT_MS = 5_000;

/** How often a command follows a cluster that changes, each time after 100 ms, before it is rejected. */
const FAIL_FAST_REDIRECTIONS = 8;

/** What `connectRedis` needs to know. */
export interface ConnectRedisOptions {
  /** A server, a cluster or Sentinels, with credentials where needed: see `REDIS_URL_FORMS`. */
  url: string;
  /** Shown by `CLIENT LIST`. */
  name: string;
  /**
   * `fail-fast`: while Redis is away a command is rejected at once; for producers and everything that answers a caller.
   * `patient`: a command waits until Redis is back; for workers, subscribers and blocking reads.
   */
  patience: 'fail-fast' | 'patient';
  /** Hears once of each outage, not of every attempt to reconnect. The error carries no credentials. */
  onError?: ((error: Error) => void) | undefined;
}

/** Why a connection is not up, by the connection; nothing while it is. */
const failures = new WeakMap<Redis, Error>();

/** What the last attempt to connect met; undefined while the connection is up, and before the first attempt has failed. */
export const connectionFailure = (redis: Redis): Error | undefined => failures.get(redis);

/**
 * Opens a connection that comes back by itself whenever it is lost, for as long as it takes. A cluster's has the commands of a
 * single server's, of which all keys must lie under one hash tag; commands without a key go to any of its nodes.
 * @throws RedisUrlError or RedisTlsError when it is not said where to connect to; never because Redis is away
 */
export function connectRedis({ url, name, patience, onError }: ConnectRedisOptions): Redis {
  const patient = patience === 'patient';
  const redis = open(parseRedisUrl(url), patient, {
    connectionName: connectionName(name),
    // Commands in flight when the connection breaks: resent when patience is asked for, rejected at once otherwise.
    maxRetriesPerRequest: patient ? null : 0,
    commandTimeout: patient ? undefined : COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
  });
  // Many callers may wait for the same connection at once. Not 0, Node's word for no limit: BullMQ would add 3 to it.
  redis.setMaxListeners(Infinity);

  const reported = new Set<string>();
  redis.on('ready', () => {
    reported.clear();
    failures.delete(redis);
  });
  // Without a listener ioredis prints every failed attempt to the console.
  redis.on('error', (error: Error & { lastNodeError?: Error }) => {
    const safe = withoutCommand(error.lastNodeError ?? error);
    failures.set(redis, safe);
    // An outage has few faces (refused, reset, wrong password); each is told once, whatever numbers stand in it.
    const face = safe.message.replace(/\d+/g, '#');
    if (reported.has(face)) return;
    reported.add(face);
    onError?.(safe);
  });
  return redis;
}

function open(location: RedisLocation, patient: boolean, common: CommonRedisOptions): Redis {
  const { kind, nodes, master, username, password, db, sentinelPassword } = location;
  const tls = location.tls ? { tls: readRedisTls() } : {};
  const server = { ...common, ...(username && { username }), ...(password && { password }), ...tls };
  if (kind === 'cluster')
    // BullMQ and ioredis tell the two apart by themselves; nothing of ours uses what a cluster lacks.
    return new Cluster(nodes, {
      redisOptions: server,
      enableOfflineQueue: patient,
      maxRedirections: patient ? Infinity : FAIL_FAST_REDIRECTIONS,
      clusterRetryStrategy: reconnectPause,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      // A certificate is for a name: it must not be resolved to an address before TLS has seen it.
      ...(location.tls && {
        dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host),
      }),
    }) as unknown as Redis;
  const single = { ...server, db, enableOfflineQueue: patient, retryStrategy: reconnectPause };
  if (kind === 'single') return new Redis({ ...single, ...nodes[0] });
  return new Redis({
    ...single,
    sentinels: nodes,
    name: master as string,
    ...(sentinelPassword && { sentinelPassword }),
    ...(location.tls && { enableTLSForSentinelMode: true, sentinelTLS: tls.tls }),
    sentinelRetryStrategy: reconnectPause,
    // Hears of a failover from the Sentinels instead of waiting until the old master hangs up.
    failoverDetector: true,
    Connector: SteadySentinelConnector as unknown as RedisOptions['Connector'],
  });
}

const reconnectPause = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt - 1, 5), MAX_RECONNECT_PAUSE_MS);

/** CLIENT SETNAME refuses spaces and line breaks, and then the connection is useless. */
const connectionName = (name: string) => name.replace(/[^!-~]/g, '_');
