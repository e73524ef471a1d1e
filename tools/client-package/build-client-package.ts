import { execFile } from 'node:child_process';
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMPORTABLE, packageManifest, type RootManifest } from './package-manifest.js';

const run = promisify(execFile);

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, and `import("x")`, as the compiler writes them. */
const IMPORTS = /^(?:import|export)\b(?:[^;'"]*\bfrom)? ['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm;

/** From where the repository's files are named: every command starts there. */
const TSCONFIG = 'libs/client/tsconfig.package.json';

/**
 * Makes the package `@understudy/client` in a folder: the client and those files of other libs that it needs, compiled, with types.
 * @param folder is emptied first
 * @throws Error with what the compiler says, or naming an import that the package does not declare
 */
export async function buildClientPackage(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', TSCONFIG, '--outDir', folder]).catch(
    (error: unknown) => {
      throw new Error(`The client does not compile as a package:\n${(error as { stdout?: string }).stdout}`);
    },
  );
  const root = JSON.parse(await readFile('package.json', 'utf8')) as RootManifest;
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(packageManifest(root), null, 2)}\n`);
  await copyFile('libs/client/README.md', join(folder, 'README.md'));
  await copyFile('LICENSE', join(folder, 'LICENSE'));
  await checkImports(folder);
}

/** A package that is imported and not declared works here, where all packages lie side by side, and nowhere else. */
async function checkImports(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => /\.(js|d\.ts)$/.test(name))) {
    const text = await readFile(join(folder, file), 'utf8');
    for (const [, stated, called] of text.matchAll(IMPORTS)) {
      const name = (stated ?? called) as string;
      const isKnown =
        /^(\.|#|node:)/.test(name) || IMPORTABLE.some((one) => name === one || name.startsWith(`${one}/`));
      if (!isKnown) throw new Error(`${file} imports ${name}, which the package does not declare`);
    }
  }
}
