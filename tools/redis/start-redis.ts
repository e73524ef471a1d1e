import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
// By path: vitest's global setup, which runs this too, does not know the condition of "#libs/*".
import { answersPing, canConnect, findFreePort, isPortFree, onOwnDeath } from '../../libs/processes/src/index.js';
import { parseRedisUrl, type RedisNode } from '../../libs/redis/src/index.js';
import { redisCommand } from './redis-command.js';
import { findRedisProgram } from './redis-program.js';
import { RedisStartError } from './redis-start-error.js';

/** A Redis that this process may use, and owns unless it came from `REDIS_URL`. */
export interface RunningRedis {
  url: string;
  port: number;
  /** Undefined when the server is not ours. */
  pid: number | undefined;
  /** Where it comes from, for people to read. */
  source: string;
  /** Ends it in an orderly way; data of a persistent one is on disk afterwards. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port after `stop` or `kill`. */
  restart(): Promise<void>;
}

export interface RedisOptions {
  /** Keep the data (append-only) in this folder; without it everything is in memory. */
  persistent?: { dir: string };
  /** Taken if nobody listens there; else, and by default, a free one. */
  preferredPort?: number;
  /** Further settings, as in redis.conf: `{ maxmemory: '8mb', replicaof: '127.0.0.1 6379' }`. They win over our own. */
  settings?: Readonly<Record<string, string>>;
  /** Run as a Sentinel with this configuration file, which it rewrites. */
  sentinelFile?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Told when something slow begins. */
  onProgress?: (message: string) => void;
  /** Told when a server of our own has ended, and nobody here has asked it to. */
  onLost?: (redis: RunningRedis) => void;
}

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 3_000;

/**
 * Gives a running Redis: the one of `REDIS_URL`, or one of our own on a loopback port, which ends with this process however that ends.
 * @throws RedisStartError with what to do when there is none and none can be fetched
 */
export async function startRedis(options: RedisOptions = {}): Promise<RunningRedis> {
  const env = options.env ?? process.env;
  if (env.REDIS_URL) return useExisting(env.REDIS_URL);
  const onProgress = options.onProgress ?? (() => {});
  const program = await findRedisProgram({ cwd: options.cwd ?? process.cwd(), env, onProgress });
  const { preferredPort } = options;
  const port = preferredPort && (await isPortFree(preferredPort)) ? preferredPort : await findFreePort();
  if (options.persistent) mkdirSync(options.persistent.dir, { recursive: true });
  const { command, args, childEnv, endCommand } = redisCommand(program, {
    port,
    dir: options.persistent?.dir,
    settings: options.settings,
    sentinelFile: options.sentinelFile,
  });

  let child: ChildProcess;
  let isEnding = false;
  const start = async () => {
    isEnding = false;
    // Its own process group: a Ctrl-C in the terminal must not take Redis away from services that are still finishing.
    child = spawn(command, args, { env: childEnv, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const disarm = onOwnDeath(endCommand(child.pid));
    // A watchdog that outlives its server would later end whatever has got its pid by then.
    child.once('exit', disarm);
    await untilAnswering(child, port);
    child.once('exit', () => {
      if (!isEnding) options.onLost?.(redis);
    });
    child.unref();
  };
  const end = async (signal: NodeJS.Signals) => {
    isEnding = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const hangs = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(hangs);
  };

  const redis: RunningRedis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid;
    },
    source: program.source,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: start,
  };
  await start();
  return redis;
}

async function useExisting(url: string): Promise<RunningRedis> {
  let nodes: RedisNode[];
  try {
    ({ nodes } = parseRedisUrl(url));
  } catch (error) {
    throw new RedisStartError(`REDIS_URL: ${(error as Error).message}`);
  }
  const answers = await Promise.all(nodes.map(({ host, port }) => canConnect(host, port, 3000)));
  if (!answers.includes(true))
    throw new RedisStartError(
      `REDIS_URL names ${nodes.map(({ host, port }) => `${host}:${port}`).join(', ')}, but nothing answers there; start that Redis, or unset REDIS_URL`,
    );
  const notOurs = async () => {
    throw new Error('this Redis comes from REDIS_URL and is not ours to stop');
  };
  const { port } = nodes[0] as RedisNode;
  return { url, port, pid: undefined, source: 'REDIS_URL', stop: async () => {}, kill: notOurs, restart: notOurs };
}

async function untilAnswering(child: ChildProcess, port: number): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => (output = (output + String(chunk)).slice(-4000)));
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  child.once('exit', (code, signal) => (failure ??= `it ended with ${signal ?? `code ${code}`}`));
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await answersPing(port)) || failure !== undefined) {
    if (failure === undefined && Date.now() > deadline) {
      child.kill('SIGKILL');
      failure = `it does not answer within ${START_DEADLINE_MS / 1000} s`;
    }
    if (failure !== undefined)
      throw new RedisStartError(`Redis did not start on port ${port}: ${failure}\n${output.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  // It may write to its pipes as long as it lives: keep them flowing, without keeping this process alive for them.
  for (const stream of [child.stdout, child.stderr]) {
    stream?.removeAllListeners('data').resume();
    (stream as (typeof stream & { unref?: () => void }) | null)?.unref?.();
  }
}
