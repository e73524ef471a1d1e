import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAdapter, type ProviderKind } from './create-adapter.js';
import type { ChatCall } from './provider-adapter.js';
import { certificates, hasOpenssl } from './certificates.fixture.js';

/** What lies under an answer, wrong in every way: TLS, HTTP, addresses. For every wire, streamed and in one piece. */
const WAYS = (['openai-compatible', 'anthropic'] as ProviderKind[]).flatMap((kind) =>
  [true, false].map((stream) => ({ kind, stream })),
);
const LIMITS = { connectMs: 2_000, firstTokenMs: 2_000, idleMs: 2_000, totalMs: 2_000 };

/** Listens, and calls what listens. */
async function call(
  { kind, stream }: (typeof WAYS)[number],
  server: Server,
  { protocol = 'http', path = '/v1', ...more }: { protocol?: string; path?: string } & Partial<ChatCall> = {},
) {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => undefined)));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const baseUrl = `${protocol}://localhost:${port}${path}`;
  const adapter = createAdapter({ name: 'p', kind, baseUrl, headers: {}, maxConnections: 2 });
  onTestFinished(async () => {
    await adapter.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
  return { sockets, outcome: await adapter.chat({ model: 'm', body, limits: LIMITS, stream, ...more }) };
}

/** An answer that every wire takes for whole, in the form that was asked for, and where it was asked. */
function answering(kind: ProviderKind, paths: (string | undefined)[] = []): RequestListener {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id: 'm1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null, usage };
  const events =
    kind === 'anthropic'
      ? [
          { type: 'message_start', message },
          { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
          { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hi' } },
          { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage },
          { type: 'message_stop' },
        ]
      : [{ choices: [{ index: 0, delta: { content: 'hi' }, finish_reason: 'stop' }] }];
  const whole =
    kind === 'anthropic'
      ? { ...message, content: [{ type: 'text', text: 'hi' }], stop_reason: 'end_turn' }
      : { choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }] };
  return (request, response) => {
    paths.push(request.url);
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (!body.includes('"stream":true'))
        return response.setHeader('content-type', 'application/json').end(JSON.stringify(whole));
      response.setHeader('content-type', 'text/event-stream');
      return response.end(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    });
  };
}

afterEach(() => vi.restoreAllMocks());

describe.each(WAYS)('with $kind, streaming $stream', (way) => {
  describe.skipIf(!hasOpenssl())('a certificate', () => {
    const { ca, serverFor } = certificates();
    /** As if the machine knew the authority; everything else of TLS is as it is. */
    const trust = () => {
      const connect = tls.connect.bind(tls) as (options: tls.ConnectionOptions) => tls.TLSSocket;
      vi.spyOn(tls, 'connect').mockImplementation(((options: tls.ConnectionOptions) =>
        connect({ ...options, ca })) as typeof tls.connect);
    };
    const serve = (host: string) =>
      call(way, createHttpsServer(serverFor(host), answering(way.kind)), { protocol: 'https' });

    test('of a known authority for this name is good', async () => {
      trust();
      expect((await serve('localhost')).outcome).toMatchObject({ ok: true });
    });

    test('of a known authority for another name is a matter of TLS, and says which', async () => {
      trust();
      const { outcome } = await serve('elsewhere.example');
      expect(outcome).toMatchObject({ ok: false, failure: 'dns_tls', httpStatus: undefined });
      expect(outcome).toMatchObject({ message: expect.stringContaining('elsewhere.example') as string });
    });

    test('of an authority that nobody knows is a matter of TLS', async () => {
      expect((await serve('localhost')).outcome).toMatchObject({ ok: false, failure: 'dns_tls' });
    });
  });

  test('plain HTTP where TLS is expected is a matter of TLS', async () => {
    const { outcome } = await call(way, createHttpServer(answering(way.kind)), { protocol: 'https' });
    expect(outcome).toMatchObject({ ok: false, failure: 'dns_tls' });
  });

  test('another protocol than HTTP gives a bad response', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.write('220 mail.example ESMTP\r\n')));
    expect((await call(way, server)).outcome).toMatchObject({ ok: false, failure: 'bad_response' });
  });

  test('headers one byte at a time end at the deadline, and with them the connection', async () => {
    const server = createTcpServer((socket) => {
      const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-padding: ${'x'.repeat(1_000)}`;
      let at = 0;
      const timer = setInterval(() => socket.write(head[at++ % head.length] ?? 'x'), 10);
      socket.resume().on('close', () => clearInterval(timer));
    });
    const limits = { ...LIMITS, totalMs: 200, firstTokenMs: 150 };
    const { outcome, sockets } = await call(way, server, { limits });
    const deadline = way.stream ? 'first_token' : 'total';
    expect(outcome).toMatchObject({ ok: false, failure: 'timeout', deadline });
    await expect.poll(() => sockets.every((socket) => socket.destroyed)).toBe(true);
  });

  test.each([
    ['headers without an end', `x: ${'y'.repeat(100)}\r\n`, 'bad_response'],
    ['one header without an end', 'x'.repeat(1_000), 'bad_response'],
  ])('%s are bounded', async (_what, part, failure) => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const more = () => void (socket.destroyed || socket.write(part, more));
        more();
      });
    });
    expect((await call(way, server)).outcome).toMatchObject({ ok: false, failure });
  });

  test.each([
    ['fewer bytes than announced', 'content-length: 1000\r\n\r\n{"choices":[', 'connection'],
    ['a chunk of a wrong size', 'transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n', 'bad_response'],
  ])('%s are no answer', async (_what, rest, failure) => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${rest}`));
    });
    expect((await call(way, server)).outcome).toMatchObject({ ok: false, failure });
  });

  test.each([
    ['', ''],
    ['/', ''],
    ['/v1/', '/v1'],
    ['/openai/deployments/x//', '/openai/deployments/x'],
  ])('a base URL may end with %j', async (path, prefix) => {
    const paths: (string | undefined)[] = [];
    const { outcome } = await call(way, createHttpServer(answering(way.kind, paths)), { path });
    expect(outcome).toMatchObject({ ok: true });
    expect(paths).toEqual([`${prefix}/${way.kind === 'anthropic' ? 'messages' : 'chat/completions'}`]);
  });

  test('a base URL may carry a query, which stays at the end', async () => {
    const paths: (string | undefined)[] = [];
    const { outcome } = await call(way, createHttpServer(answering(way.kind, paths)), {
      path: '/v1?api-version=preview',
    });
    expect(outcome).toMatchObject({ ok: true });
    expect(paths).toEqual([`/v1/${way.kind === 'anthropic' ? 'messages' : 'chat/completions'}?api-version=preview`]);
  });
});
