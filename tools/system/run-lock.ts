import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Another run of this clone holds what this one needs. */
class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';
  readonly code = 'already_running';
}

/**
 * Notes that this process runs the system of this clone: two of them would write the same Redis files.
 * @returns releases it
 * @throws AlreadyRunningError while the process that holds it lives
 */
export function takeRunLock(file: string): () => void {
  mkdirSync(dirname(file), { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(readFileSync(file, 'utf8'));
    if (isAlive(owner))
      throw new AlreadyRunningError(
        `Understudy is running in this folder already (pid ${owner}); stop it first, with Ctrl-C there or "kill ${owner}"`,
      );
    rmSync(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!pid || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
