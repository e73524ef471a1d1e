import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where fetched programs are kept, best place first: shared by all clones of the user, then inside this clone. Folders that cannot be
 * written are left out. A program fits one system only, so each has its own folder.
 */
export function cacheFolders(cwd: string, env: NodeJS.ProcessEnv): string[] {
  const home = env.XDG_CACHE_HOME || safely(() => join(homedir(), '.cache'));
  const roots = [...(home ? [join(home, 'understudy')] : []), join(cwd, '.understudy', 'cache')];
  return roots.map((root) => join(root, systemName())).filter(isWritable);
}

/** For example `linux-x64-debian-12`. */
function systemName(): string {
  const release = safely(() => readFileSync('/etc/os-release', 'utf8')) ?? '';
  const field = (name: string) => new RegExp(`^${name}="?([\\w.]+)"?$`, 'm').exec(release)?.[1];
  return [process.platform, process.arch, field('ID'), field('VERSION_ID')].filter(Boolean).join('-');
}

function isWritable(folder: string): boolean {
  return (
    safely(() => {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return true;
    }) ?? false
  );
}

function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
