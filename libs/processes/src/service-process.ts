import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import { readLines, type LogLine } from './log-lines.js';
import { onOwnDeath } from './watchdog.js';

export interface ServiceOptions {
  /** For messages. */
  name: string;
  /** Compiled entry, from the root of the repository: `dist/apps/router/src/main.js`. */
  entry: string;
  args?: readonly string[];
  /** The whole environment of the process; nothing is inherited silently. */
  env: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** Told of every line on stdout and stderr. */
  onLine?: (line: LogLine) => void;
}

/** How a process ended. */
export interface ServiceExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** One of our programs, running as a process of its own. */
export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  /** Settles when it has ended, whatever the reason, and all its output has been read. */
  readonly exited: Promise<ServiceExit>;
  readonly running: boolean;
  /** The last lines it wrote, oldest first; at most 10,000. */
  lines(): readonly LogLine[];
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when it is still there after `deadlineMs` (12 s unless told otherwise). */
  stop(deadlineMs?: number): Promise<ServiceExit>;
}

const KEPT_LINES = 10_000;

/**
 * Starts a compiled program of ours.
 * @throws when its entry has not been built
 */
export function startService({
  name,
  entry,
  args = [],
  env,
  cwd = process.cwd(),
  onLine,
}: ServiceOptions): ServiceProcess {
  const file = resolvePath(cwd, entry);
  if (!existsSync(file)) throw new Error(`${name} cannot start: ${file} does not exist; run "npm run build" first`);

  // A process group of its own: a Ctrl-C in the terminal reaches the launcher alone, which then stops the services in order. The
  // watchdog stops them when the launcher itself was killed.
  const child = spawn(process.execPath, ['--enable-source-maps', file, ...args], {
    cwd,
    env: env as NodeJS.ProcessEnv,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: LogLine[] = [];
  const keep = (line: LogLine) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    onLine?.(line);
  };
  readLines(child.stdout, keep);
  readLines(child.stderr, keep);

  const exited = new Promise<ServiceExit>((settle) => {
    child.once('error', (error) => keep({ text: `cannot be started: ${error.message}`, fields: undefined }));
    child.once('close', (code, signal) => settle({ code, signal }));
  });
  if (child.pid !== undefined) child.once('exit', onOwnDeath(['kill', '-TERM', String(child.pid)]));
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid ?? 0,
    exited,
    get running() {
      return isRunning();
    },
    lines: () => lines,
    kill: (signal) => void child.kill(signal),
    stop: async (deadlineMs = 12_000) => {
      if (isRunning()) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
      try {
        return await exited;
      } finally {
        clearTimeout(late);
      }
    },
  };
}
