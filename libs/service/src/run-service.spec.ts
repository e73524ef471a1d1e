import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

/** Where Node finds our dependencies from. */
const BUILD_DIR = fileURLToPath(new URL('../../../node_modules/.cache/understudy-specs/run-service', import.meta.url));

/** Starting a process of Nest and OpenTelemetry is a second of work, on a machine where other specs work too. */
const START_MS = 60_000;
vi.setConfig({ testTimeout: 2 * START_MS });

beforeAll(async () => {
  const conditions = ['understudy-source', 'node'];
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    build: {
      ssr: fileURLToPath(new URL('./run-service.fixture.ts', import.meta.url)),
      outDir: BUILD_DIR,
      emptyOutDir: true,
      minify: false,
    },
  });
});

interface Run {
  child: ChildProcess;
  out: () => string;
  err: () => string;
  /** The first log line of that event, once it is there. */
  event: (name: string) => Promise<Record<string, unknown>>;
  /** [exit code, signal] */
  exited: Promise<[number | null, NodeJS.Signals | null]>;
}

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function run(behaviour: string, env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [join(BUILD_DIR, 'run-service.fixture.js'), behaviour], {
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_FORMAT: 'json',
      SHUTDOWN_DEADLINE_MS: '1000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let out = '';
  let err = '';
  child.stdout!.on('data', (chunk) => (out += chunk));
  child.stderr!.on('data', (chunk) => (err += chunk));
  const find = (name: string) =>
    out
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find((line) => line.event === name);
  return {
    child,
    out: () => out,
    err: () => err,
    event: (name) =>
      vi.waitFor(
        () => {
          const line = find(name);
          if (!line) throw new Error(`no line ${name} in:\n${out}${err}`);
          return line;
        },
        { timeout: START_MS, interval: 20 },
      ),
    exited: once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  };
}

describe('a process that is told to stop', () => {
  it('ends with code 0 when everything is closed', async () => {
    const service = run('well-behaved');
    const { url } = await service.event('service.ready');
    expect((await fetch(`${String(url)}/ready`)).status).toBe(200);
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual([0, null]);
    expect(await service.event('service.stopping')).toMatchObject({
      level: 'info',
      signal: 'SIGTERM',
      name: 'fixture',
    });
    expect(await service.event('service.stopped')).toMatchObject({ level: 'info' });
    expect(service.err()).toBe('');
  });

  it('does so after SIGINT too, and with a collector that never answers', async () => {
    const collector = createServer(() => {}).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as AddressInfo;
    const service = run('well-behaved', { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    await service.event('service.ready');
    service.child.kill('SIGINT');
    expect(await service.exited).toEqual([0, null]);
    collector.closeAllConnections();
    collector.close();
  });

  it('ends at its deadline when a module hangs, with code 1 and the reason', async () => {
    const service = run('hang');
    await service.event('service.ready');
    const began = performance.now();
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual([1, null]);
    const tookMs = performance.now() - began;
    expect(tookMs).toBeGreaterThan(700);
    expect(tookMs).toBeLessThan(10_000);
    expect(await service.event('service.stop_deadline')).toMatchObject({ level: 'error' });
  });

  it('ends with code 1 when something cannot be closed, and says why', async () => {
    const service = run('fail');
    await service.event('service.ready');
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual([1, null]);
    expect(await service.event('service.stop_failed')).toMatchObject({ err: { message: 'cannot close' } });
  });

  it('takes a signal that comes twice at once as one, and ends at once when asked again later', async () => {
    const service = run('hang', { SHUTDOWN_DEADLINE_MS: '60000' });
    await service.event('service.ready');
    const asked = performance.now();
    service.child.kill('SIGINT');
    service.child.kill('SIGTERM');
    await service.event('service.stopping');
    const impatient = setInterval(() => service.child.kill('SIGTERM'), 50);
    expect(await service.exited).toEqual([143, null]);
    clearInterval(impatient);
    expect(performance.now() - asked).toBeGreaterThan(300);
  });
});

describe('a process that cannot go on', () => {
  it('logs a fault of ours with its stack and ends with code 1', async () => {
    const service = run('crash');
    expect(await service.exited).toEqual([1, null]);
    expect(await service.event('service.crashed')).toMatchObject({
      level: 'fatal',
      err: { message: 'a fault of ours', stack: expect.stringContaining('run-service.fixture') },
    });
  });

  it('tells of a port in use in one line that names the variable, and ends with code 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const service = run('well-behaved', { PORT: String(port) });
    expect(await service.exited).toEqual([1, null]);
    expect(service.err()).toBe(
      `PORT: ${port} on 127.0.0.1 is in use by another process; stop it, or set PORT to a free port (0 picks one)\n`,
    );
    expect(service.out()).toBe('');
    other.close();
  });

  it('refuses a bad variable with its name and no stack, and ends with code 1', async () => {
    const service = run('well-behaved', { PORT: 'many' });
    expect(await service.exited).toEqual([1, null]);
    expect(service.err()).toMatch(/^environment cannot be used, 1 problem:\n {2}PORT: .*\n$/);
    expect(service.out()).toBe('');
  });
});
