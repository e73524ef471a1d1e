import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findFreePort } from './ports.js';
import { untilReady } from './readiness-poll.js';
import { startService } from './service-process.js';

function program(source: string): { name: string; entry: string; env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-program-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const entry = join(folder, 'main.mjs');
  writeFileSync(entry, source);
  return { name: 'sample', entry, env: { PATH: process.env['PATH'] } };
}

describe('startService', () => {
  it('keeps JSON lines as fields, and other lines as text', async () => {
    const service = startService(program(`console.log('{"msg":"hello"}'); console.error('{broken');`));
    expect(await service.exited).toEqual({ code: 0, signal: null });
    const lines = [...service.lines()].sort((a, b) => a.text.localeCompare(b.text));
    expect(lines.map(({ fields }) => fields)).toContainEqual({ msg: 'hello' });
    expect(lines).toContainEqual({ text: '{broken', fields: undefined });
  });

  it('gives a program time to end by itself, and kills it afterwards', async () => {
    const stubborn = startService(
      program(`process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 1000); console.log('up');`),
    );
    await expect.poll(() => stubborn.lines().length).toBe(1);
    expect(await stubborn.stop(200)).toEqual({ code: null, signal: 'SIGKILL' });
    expect(stubborn.lines().map(({ text }) => text)).toEqual(['up', 'no']);
    expect(stubborn.running).toBe(false);
  });

  it('passes on only the environment it is given', async () => {
    const service = startService(program(`console.log(JSON.stringify(process.env))`));
    await service.exited;
    expect(Object.keys(service.lines()[0]?.fields ?? {})).toEqual(['PATH']);
  });

  it('says what to do when the program is not built', () => {
    expect(() => startService({ name: 'router', entry: 'dist/none.js', env: {} })).toThrow(
      /router cannot start: .*npm run build/,
    );
  });
});

describe('untilReady', () => {
  async function serve(answer: (response: ServerResponse) => void): Promise<string> {
    const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ready`;
  }

  it('waits until the answer is 200', async () => {
    let asked = 0;
    const url = await serve((response) => response.writeHead(++asked < 3 ? 503 : 200).end('{}'));
    expect(await untilReady(url, 5_000)).toMatchObject({ ready: true });
    expect(asked).toBe(3);
  });

  it('tells at the deadline what is missing', async () => {
    const url = await serve((response) => response.writeHead(503).end('{"status":"starting","waitingFor":["redis"]}'));
    expect(await untilReady(url, 150)).toEqual({ ready: false, detail: 'waiting for redis' });
  });

  it('tells when nobody answers', async () => {
    expect(await untilReady(`http://127.0.0.1:${await findFreePort()}/ready`, 0)).toEqual({
      ready: false,
      detail: 'no answer',
    });
  });
});
