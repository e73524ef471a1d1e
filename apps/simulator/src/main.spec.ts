// The real process: built from its source into a folder of its own, started, and stopped by signals.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './simulator.fixture.js';

const root = new URL('../../../', import.meta.url).pathname;
let folder: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  // Inside the repository, so that the packages it imports are found.
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'simulator-main-'));
  await build({
    root,
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: join(root, 'apps/simulator/src/main.ts'),
      outDir: folder,
      rollupOptions: { output: { entryFileNames: 'main.mjs' } },
    },
  });
});
afterEach(() => running.splice(0).forEach((child) => child.kill('SIGKILL')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(variables: Record<string, string>): ChildProcess {
  const env = { PATH: process.env.PATH ?? '', ...variables };
  const child = spawn(process.execPath, [join(folder, 'main.mjs')], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<any> {
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line);
}

async function ended(child: ChildProcess): Promise<{ exitCode: number | null; stderr: string }> {
  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stderr };
}

describe('the simulator process', () => {
  it('says in one line of JSON that it is ready and where, and plays simulator.yaml', async () => {
    const line = await firstLine(start({ PORT: '0' }));
    expect(line).toMatchObject({
      level: 'info',
      name: 'simulator',
      msg: 'ready',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    const { body } = await request(`${line.url}/openai/v1/models`);
    expect(await body.json()).toMatchObject({ data: [{ id: 'gpt-4' }] });
  });

  it('stops cleanly on SIGTERM, even with a call that hangs', async () => {
    const child = start({ PORT: '0' });
    const { url } = await firstLine(child);
    await request(`${url}/admin/providers/openai/kill?mode=hang`, { method: 'POST' }).then(({ body }) => body.dump());
    const hung = request(`${url}/openai/v1/chat/completions`, { method: 'POST', body: JSON.stringify(ask('gpt-4')) });
    const failure = hung.catch((error: unknown) => error);
    await expect
      .poll(async () => (await request(`${url}/admin/counts`)).body.json())
      .toMatchObject({ openai: { 'gpt-4': { total: 1 } } });
    const end = ended(child);
    child.kill('SIGTERM');
    expect(await end).toEqual({ exitCode: 0, stderr: '' });
    expect(await failure).toBeInstanceOf(Error);
  });

  it('names address and variable in one line when its port is in use', async () => {
    const { url } = await firstLine(start({ PORT: '0' }));
    const { port, host } = new URL(url);
    const { exitCode, stderr } = await ended(start({ PORT: port }));
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `simulator: cannot listen on ${host}: the port is in use; stop what uses it or set PORT to another one (0 for any free one)\n`,
    );
  });

  it('refuses to start with a variable that is wrong', async () => {
    const { exitCode, stderr } = await ended(start({ PORT: 'http' }));
    expect(exitCode).toBe(1);
    expect(stderr).toBe('simulator: invalid environment variables:\n  PORT: must be a port number, 0 to 65535\n');
  });
});
