import { spawn } from 'node:child_process';

/**
 * Runs `command` when this process ends without calling the returned function, even by SIGKILL: a tiny shell waits on a pipe whose
 * other end is held by this process alone, and the system closes it with the process.
 * @returns call it when `command` is no longer needed
 */
export function onOwnDeath(command: readonly string[]): () => void {
  // Its own process group, so that a Ctrl-C in the terminal does not reach it before it is needed.
  const shell = spawn('sh', ['-c', 'read -r _ || exec "$@"', 'watchdog', ...command], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => {}); // no shell, no watchdog: the ordinary way of stopping remains
  shell.stdin.on('error', () => {});
  shell.unref();
  const pipe = shell.stdin as typeof shell.stdin & { unref?: () => void };
  pipe.unref?.();
  return () => void shell.stdin.end('done\n');
}
