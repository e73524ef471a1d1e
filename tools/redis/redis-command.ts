import type { RedisProgram } from './redis-program.js';

interface ServerOptions {
  port: number;
  /** Folder of an append-only file; undefined keeps everything in memory. */
  dir: string | undefined;
  /** Further settings, as in redis.conf: `{ maxmemory: '8mb', replicaof: '127.0.0.1 6379' }`. */
  settings?: Readonly<Record<string, string>> | undefined;
  /** Run as a Sentinel, with this configuration file, which it rewrites. */
  sentinelFile?: string | undefined;
}

/** The command line that runs `program`, and the one that ends it from outside when its owner was killed. */
export function redisCommand(program: RedisProgram, options: ServerOptions) {
  const { port, dir, settings = {}, sentinelFile } = options;
  const further = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')]);
  if (program.kind === 'docker') {
    const name = `understudy-redis-${process.pid}-${port}`;
    const volume = dir ? ['-v', `${dir}:/data`] : [];
    const run = [
      'run',
      '--rm',
      '--name',
      name,
      '-p',
      `127.0.0.1:${port}:6379`,
      ...volume,
      program.image,
      'redis-server',
    ];
    // Inside its container it has a network of its own; the published port is bound to loopback.
    const args = [...run, '--protected-mode', 'no', ...storage(dir && '/data'), ...further];
    return { command: 'docker', args, childEnv: process.env, endCommand: () => ['docker', 'rm', '-f', name] };
  }
  const args = [
    ...(sentinelFile === undefined ? [] : [sentinelFile, '--sentinel']),
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--protected-mode',
    'yes',
    '--daemonize',
    'no',
    ...(sentinelFile === undefined ? storage(dir) : []),
    ...further,
  ];
  return {
    command: program.command,
    args,
    childEnv: program.env,
    endCommand: (pid: number | undefined) => ['kill', '-TERM', String(pid)],
  };
}

/** A queue must never lose keys to memory pressure, hence noeviction. */
function storage(dir: string | undefined): string[] {
  const persistence = dir ? ['--dir', dir, '--appendonly', 'yes', '--appendfsync', 'everysec'] : ['--appendonly', 'no'];
  return ['--maxmemory-policy', 'noeviction', '--save', '', ...persistence];
}
