import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Fetches redis-server and the libraries it lacks as Debian packages and unpacks them into `folder`, without root: nothing is installed.
 * `folder` appears whole or not at all, also when two processes fetch at once or one is interrupted.
 * @throws when apt-get or dpkg is missing, or the packages cannot be had
 */
export async function downloadDebianRedis(folder: string): Promise<void> {
  const parent = join(folder, '..');
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, '.fetching-'));
  try {
    const packages = await fetchPackages(work);
    const root = join(work, 'root');
    for (const file of packages) await run('dpkg', ['-x', file, root]);
    try {
      renameSync(root, folder);
    } catch (error) {
      // Another process was faster: its copy is as good as ours.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchPackages(work: string): Promise<string[]> {
  // Private lists and cache: the system's own may be empty, and are not writable for ordinary users.
  mkdirSync(join(work, 'lists/partial'), { recursive: true });
  mkdirSync(join(work, 'archives/partial'), { recursive: true });
  const ownLists = ['-o', `Dir::State::lists=${work}/lists`, '-o', `Dir::Cache=${work}`, '-o', 'APT::Sandbox::User='];
  try {
    await download(work, ['-o', 'APT::Sandbox::User=']);
  } catch {
    await run('apt-get', [...ownLists, '-qq', 'update']);
    await download(work, ownLists);
  }
  return readdirSync(work)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(work, name));
}

async function download(work: string, options: string[]): Promise<void> {
  const names = await missingPackages(options);
  await run('apt-get', [...options, '-qq', 'download', ...names], { cwd: work });
}

/** redis-server and what it needs, without what is installed already. */
async function missingPackages(options: string[]): Promise<string[]> {
  const only = ['--no-recommends', '--no-suggests', '--no-conflicts', '--no-breaks', '--no-replaces', '--no-enhances'];
  const { stdout: closure } = await run('apt-cache', [...options, 'depends', '--recurse', ...only, 'redis-server']);
  const { stdout: installed } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n'], {
    maxBuffer: 32 << 20,
  });
  const present = new Set(
    installed.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  );
  // Package names stand at the start of a line; virtual ones are in angle brackets and cannot be fetched.
  return closure.split('\n').filter((line) => /^[a-z0-9]/.test(line) && !line.includes(':') && !present.has(line));
}
