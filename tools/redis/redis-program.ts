import { execFile } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolders } from './cache-folders.js';
import { downloadDebianRedis } from './debian-download.js';
import { noRedisMessage } from './no-redis-message.js';
import { RedisStartError } from './redis-start-error.js';

const run = promisify(execFile);
const DOCKER_IMAGE = 'redis:8-alpine';

/** How to run a Redis server on this machine. */
export type RedisProgram =
  | { kind: 'program'; command: string; env: NodeJS.ProcessEnv; source: string }
  | { kind: 'docker'; image: string; source: string };

interface SearchOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Told when something slow begins. */
  onProgress: (message: string) => void;
}

/**
 * Looks for redis-server or valkey-server on PATH, then for a copy fetched earlier, then fetches one from the system's packages, then asks
 * Docker.
 * @throws RedisStartError with what to install when nothing of that is possible
 */
export async function findRedisProgram({ cwd, env, onProgress }: SearchOptions): Promise<RedisProgram> {
  for (const command of ['redis-server', 'valkey-server'])
    if (await isUsable(command, env)) return { kind: 'program', command, env, source: `${command} on PATH` };

  const folders = cacheFolders(cwd, env).map((folder) => join(folder, 'redis'));
  for (const folder of folders) {
    const cached = await usableCopy(folder, env);
    if (cached) return { ...cached, source: `cached copy in ${folder}` };
  }
  const reasons: string[] = [];
  for (const folder of folders) {
    try {
      if (!(await exists('apt-get')) || !(await exists('dpkg'))) throw new Error('apt-get and dpkg are not there');
      onProgress('fetching redis-server from the system packages (nothing is installed)…');
      rmSync(folder, { recursive: true, force: true }); // a copy that does not run
      await downloadDebianRedis(folder);
      const fetched = await usableCopy(folder, env);
      if (fetched) return { ...fetched, source: `fetched into ${folder}` };
      throw new Error('the fetched redis-server does not run here');
    } catch (error) {
      reasons.push(`download into ${folder}: ${firstLine(error)}`);
    }
  }
  if (await succeeds('docker', ['info', '--format', '{{.ServerVersion}}'], process.env))
    return { kind: 'docker', image: DOCKER_IMAGE, source: `Docker image ${DOCKER_IMAGE}` };
  throw new RedisStartError(noRedisMessage([...new Set(reasons), 'Docker: no running engine']));
}

async function usableCopy(folder: string, env: NodeJS.ProcessEnv) {
  const libraries = join(folder, 'usr/lib');
  const command = join(folder, 'usr/bin/redis-server');
  if (!existsSync(command) || !existsSync(libraries)) return undefined;
  const LD_LIBRARY_PATH = [libraries, ...readdirSync(libraries).map((name) => join(libraries, name))].join(':');
  const copyEnv = { ...env, LD_LIBRARY_PATH };
  return (await isUsable(command, copyEnv)) ? { kind: 'program' as const, command, env: copyEnv } : undefined;
}

/** Present, runs on this machine, and new enough for BullMQ (6.2). */
async function isUsable(command: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    const { stdout } = await run(command, ['--version'], { env });
    const [, major = '0', minor = '0'] = /v=(\d+)\.(\d+)/.exec(stdout) ?? [];
    return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2);
  } catch {
    return false;
  }
}

const exists = (command: string) => succeeds(command, ['--version'], process.env);

async function succeeds(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  return run(command, args, { env, timeout: 5000 }).then(
    () => true,
    () => false,
  );
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  const lines = (stderr || message).split('\n').map((line) => line.trim());
  return lines.find((line) => line.startsWith('E:')) ?? lines.find(Boolean) ?? 'unknown reason';
}
