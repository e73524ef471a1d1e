import { Redis } from 'ioredis';
import { withoutCommand } from './without-command.js';

/** Longest pause between two attempts to connect, in milliseconds. */
const MAX_RECONNECT_PAUSE_MS = 1_000;

/** An attempt to connect that has no answer after this is given up and repeated, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A fail-fast command that has no answer after this is rejected: Redis is there but hangs. In milliseconds. */
const COMMAND_TIMEOUT_MS = 5_000;

/** What `connectRedis` needs to know. */
export interface ConnectRedisOptions {
  /** `redis://` or `rediss://`, with credentials where needed. */
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

/** Opens a connection that comes back by itself whenever it is lost, for as long as it takes. Never throws. */
export function connectRedis({ url, name, patience, onError }: ConnectRedisOptions): Redis {
  const patient = patience === 'patient';
  const redis = new Redis(url, {
    connectionName: connectionName(name),
    enableOfflineQueue: patient,
    // Commands in flight when the connection breaks: resent when patience is asked for, rejected at once otherwise.
    maxRetriesPerRequest: patient ? null : 0,
    commandTimeout: patient ? undefined : COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 5), MAX_RECONNECT_PAUSE_MS),
  });
  // Many callers may wait for the same connection at once. Not 0, Node's word for no limit: BullMQ would add 3 to it.
  redis.setMaxListeners(Infinity);

  let reported = false;
  redis.on('ready', () => (reported = false));
  // Without a listener ioredis prints every failed attempt to the console.
  redis.on('error', (error: Error) => {
    if (!reported) onError?.(withoutCommand(error));
    reported = true;
  });
  return redis;
}

/** CLIENT SETNAME refuses spaces and line breaks, and then the connection is useless. */
const connectionName = (name: string) => name.replace(/[^!-~]/g, '_');
