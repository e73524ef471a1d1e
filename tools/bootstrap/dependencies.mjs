import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { npmCommand, runStep } from './run-step.mjs';

/**
 * Brings node_modules to what package-lock.json says, unless it is there already.
 * @param {string} root of the repository
 */
export async function installIfStale(root) {
  const stamp = join(root, 'node_modules', '.understudy-install');
  const wanted = describeInstall(root);
  if (readText(stamp) === wanted) return;
  if (readText(stamp) === undefined && isInstalledByHand(root)) {
    writeFileSync(stamp, wanted);
    return;
  }
  rmSync(stamp, { force: true });
  const [npm, ...first] = npmCommand();
  // The build needs the development packages, whatever NODE_ENV says.
  const args = [...first, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const isFirst = !existsSync(join(root, 'node_modules'));
  await runStep('installing dependencies', npm, args, {
    cwd: root,
    env: withUsableCache(root, process.env),
    ...(isFirst && { expectation: 'first time only, 1-2 minutes' }),
  });
  writeFileSync(stamp, wanted);
}

function describeInstall(root) {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${lock} node-${process.versions.node.split('.')[0]} ${process.platform}-${process.arch}\n`;
}

/** Whether somebody ran npm here with this lock file: npm leaves a list of what it installed when it is done. */
function isInstalledByHand(root) {
  const installed = readText(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const present = JSON.parse(installed).packages;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' ||
      (present[path] ? present[path].version === entry.version : entry.optional === true || entry.peer === true),
  );
}

/** npm fails without a writable cache: the one of the clone stands in for the user's. */
function withUsableCache(root, env) {
  const cache = env.npm_config_cache ?? join(homedir(), '.npm');
  try {
    mkdirSync(cache, { recursive: true });
    accessSync(cache, constants.W_OK);
    return env;
  } catch {
    return { ...env, npm_config_cache: join(root, '.understudy', 'npm-cache') };
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
