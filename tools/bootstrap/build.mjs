import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { runStep } from './run-step.mjs';

/** What tsconfig.json includes. */
const SOURCE_FOLDERS = ['apps', 'libs', 'tools', 'test'];

/**
 * Compiles everything into dist when a source has changed since the last build; outputs of sources that are gone are removed;
 * packages below dist/packages stay.
 * @param {string} root of the repository
 */
export async function buildIfStale(root) {
  const dist = join(root, 'dist');
  const stamp = join(dist, '.build-stamp');
  const sources = SOURCE_FOLDERS.flatMap((folder) => filesBelow(join(root, folder))).filter((file) =>
    /(?<!\.d)\.ts$/.test(file),
  );
  const outputOf = (source) => join(dist, relative(root, source).replace(/\.ts$/, '.js'));
  const outputs = new Set(sources.map(outputOf));
  const isWhole = [...outputs].every((file) => existsSync(file));
  const wanted = hashOf(root, sources);
  if (isWhole && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  const isFirst = ![...outputs].some((file) => existsSync(file));
  rmSync(stamp, { force: true });
  // The compiler writes only what it believes has changed: it must not believe in files that are not there.
  if (!isWhole) rmSync(join(dist, '.tsbuildinfo'), { force: true });
  // Services link the packages that were built from here, and those are no outputs of the compiler's.
  const packages = join(dist, 'packages') + sep;
  for (const file of filesBelow(dist))
    if (/\.js(\.map)?$/.test(file) && !file.startsWith(packages) && !outputs.has(file.replace(/\.map$/, '')))
      rmSync(file);
  await runStep('building', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], {
    cwd: root,
    ...(isFirst && { expectation: 'first time only, up to a minute' }),
  });
  writeFileSync(stamp, wanted);
}

function hashOf(root, sources) {
  const hash = createHash('sha256');
  const settings = ['tsconfig.json', 'package.json', 'package-lock.json'].map((name) => join(root, name));
  for (const file of [...settings, ...sources.toSorted()])
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
