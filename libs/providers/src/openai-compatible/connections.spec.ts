import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAdapter } from '../create-adapter.js';
import { ProviderConnections } from '../provider-connections.js';
import { CALL, LIMITS, sendJson, startProvider } from './provider.fixture.js';

const GOOD = { choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }] };

/** A server below HTTP, and an adapter that calls it. */
async function startSocket(server: Server, protocol: 'http' | 'https') {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    // Clients that give up reset the connection.
    socket.on('error', () => undefined).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const baseUrl = `${protocol}://127.0.0.1:${port}`;
  const adapter = createAdapter({ name: 'p', kind: 'openai-compatible', baseUrl, headers: {}, maxConnections: 2 });
  onTestFinished(async () => {
    await adapter.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { adapter, sockets };
}

describe('a connection', () => {
  test('that does not stand in time is a connection failure, by its own deadline', async () => {
    // It accepts TCP and says nothing, so that TLS never comes to an end.
    const { adapter, sockets } = await startSocket(createTcpServer(), 'https');
    const outcome = await adapter.chat({ ...CALL, limits: { ...LIMITS, connectMs: 100 } });
    expect(outcome).toMatchObject({
      ok: false,
      failure: 'connection',
      deadline: 'connect',
      message: 'no connection within 100 ms',
    });
    expect(outcome.latencyMs).toBeLessThan(400);
    await expect.poll(() => sockets.every((socket) => socket.destroyed), { timeout: 5_000 }).toBe(true);
  });

  test.skipIf(!hasOpenssl())('with a certificate that proves nothing is a matter of TLS', async () => {
    const server = createTlsServer(certificateFor('elsewhere.example'));
    server.on('tlsClientError', () => undefined);
    const { adapter } = await startSocket(server, 'https');
    expect(await adapter.chat(CALL)).toMatchObject({ ok: false, failure: 'dns_tls', httpStatus: undefined });
  });

  test('whose other end speaks no HTTP gives a bad response', async () => {
    const { adapter } = await startSocket(
      createTcpServer((socket) => socket.once('data', () => socket.write('220 mail.example ESMTP\r\n'))),
      'http',
    );
    expect(await adapter.chat(CALL)).toMatchObject({ ok: false, failure: 'bad_response' });
  });

  test('that brings its headers one byte at a time ends at the deadline', async () => {
    const { adapter, sockets } = await startSocket(
      createTcpServer((socket) => {
        const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-padding: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx';
        let at = 0;
        const timer = setInterval(() => socket.write(head[at++ % head.length] ?? 'x'), 10);
        socket.on('close', () => clearInterval(timer));
      }),
      'http',
    );
    const limits = { ...LIMITS, totalMs: 150, firstTokenMs: 100 };
    expect(await adapter.chat({ ...CALL, limits })).toMatchObject({ failure: 'timeout', deadline: 'total' });
    const streamed = await adapter.chat({ ...CALL, limits, stream: true });
    expect(streamed).toMatchObject({ failure: 'timeout', deadline: 'first_token' });
    await expect.poll(() => sockets.every((socket) => socket.destroyed)).toBe(true);
  });

  test('is shared by calls with the same connect limit, and there are never many kinds', async () => {
    const connections = new ProviderConnections(1);
    const first = connections.within(100);
    expect(connections.within(100)).toBe(first);
    for (let ms = 101; ms < 120; ms++) connections.within(ms);
    expect(connections.within(100)).not.toBe(first);
    await expect.poll(() => first.closed).toBe(true);
    await connections.close();
  });
});

describe('an error body', () => {
  test.each([
    ['never ends', 429, 'rate_limited'],
    ['is cut', 401, 'auth'],
  ] as const)('that %s does not hide its status', async (what, status, failure) => {
    const { chat } = await startProvider((_, response) => {
      response.writeHead(status, { 'content-length': '1000' }).write('{"error":{"mess');
      if (what === 'is cut') setTimeout(() => response.destroy(), 20);
    });
    const limits = { ...LIMITS, totalMs: 300 };
    expect(await chat({ limits })).toMatchObject({ ok: false, failure, httpStatus: status });
  });

  test('is read no further than 64 KB', async () => {
    const { chat, seen } = await startProvider((_, response) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      const more = () => void (response.destroyed || response.write('x'.repeat(16_384), more));
      more();
    });
    expect(await chat()).toMatchObject({ ok: false, failure: 'server_error', httpStatus: 500 });
    await expect.poll(() => seen.closedEarly).toBe(true);
  });
});

describe('a base URL', () => {
  test.each([
    ['', '/chat/completions'],
    ['/', '/chat/completions'],
    ['/v1/', '/v1/chat/completions'],
    ['/openai/deployments/x//', '/openai/deployments/x/chat/completions'],
    ['/openai/v1?api-version=preview', '/openai/v1/chat/completions?api-version=preview'],
  ])('may end with %j', async (path, expected) => {
    const { chat, seen } = await startProvider((_, response) => sendJson(response, 200, GOOD), { path });
    expect(await chat()).toMatchObject({ ok: true });
    expect(seen.path).toBe(expected);
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function certificateFor(host: string): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${host}`];
  try {
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
