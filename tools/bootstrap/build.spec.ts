import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

const BUILD = resolve('tools/bootstrap/build.mjs');
const SETTINGS = {
  compilerOptions: {
    module: 'nodenext',
    rootDir: '.',
    outDir: 'dist',
    incremental: true,
    tsBuildInfoFile: 'dist/.tsbuildinfo',
    types: [],
  },
  include: ['libs'],
};

// Each test runs the compiler up to three times.
describe('buildIfStale', { timeout: 90_000 }, () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'understudy build '));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    mkdirSync(join(root, 'libs'));
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
    write('tsconfig.json', JSON.stringify(SETTINGS));
    write('package.json', '{"type":"module"}');
    write('package-lock.json', '{}');
    write('libs/a.ts', 'export const a: number = 1;');
  });

  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  const output = (name: string) => join(root, 'dist/libs', name);
  async function build(): Promise<string> {
    const script = `import { buildIfStale } from ${JSON.stringify(BUILD)}; await buildIfStale(${JSON.stringify(root)});`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    return stdout;
  }

  it('compiles when a source has changed, and only then', async () => {
    expect(await build()).toContain('building (first time only, up to a minute)…');
    const { mtimeMs } = statSync(output('a.js'));
    expect(await build()).toBe('');
    write('libs/a.ts', 'export const a: number = 2;');
    expect(await build()).toContain('building…');
    expect(statSync(output('a.js')).mtimeMs).toBeGreaterThan(mtimeMs);
  });

  it('removes what a source that is gone has left, and brings back an output that is missing', async () => {
    write('libs/b.ts', 'export const b = 1;');
    await build();
    rmSync(join(root, 'libs/b.ts'));
    rmSync(output('a.js'));
    await build();
    expect([existsSync(output('a.js')), existsSync(output('b.js'))]).toEqual([true, false]);
  });

  it('keeps packages that were built from here: services link them', async () => {
    await build();
    const entry = join(root, 'dist/packages/client/index.js');
    mkdirSync(dirname(entry), { recursive: true });
    writeFileSync(entry, 'export {};');
    write('libs/a.ts', 'export const a: number = 2;');
    expect(await build()).toContain('building…');
    expect(existsSync(entry)).toBe(true);
  });

  it('fails with what the compiler says, also when it is run again', async () => {
    write('libs/a.ts', "export const a: number = 'x';");
    for (let run = 0; run < 2; run++) await expect(build()).rejects.toThrow(/libs\/a.ts\(1,14\): error TS2322/);
  });
});
