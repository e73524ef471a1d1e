import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAdapter } from '../create-adapter.js';
import { ProviderConnections } from '../provider-connections.js';
import { CALL, LIMITS, startProvider } from './provider.fixture.js';

/** A server below HTTP, and an adapter that calls it over TLS. */
async function startSocket(server: Server) {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    // Clients that give up reset the connection.
    socket.on('error', () => undefined).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const baseUrl = `https://127.0.0.1:${port}`;
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
    const { adapter, sockets } = await startSocket(createTcpServer());
    const outcome = await adapter.chat({ ...CALL, limits: { ...LIMITS, connectMs: 100 } });
    expect(outcome).toMatchObject({
      ok: false,
      failure: 'connection',
      deadline: 'connect',
      message: 'no connection within 100 ms',
    });
    expect(outcome.latencyMs).toBeLessThan(LIMITS.totalMs / 2);
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
