import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { CallLimits } from '../call-limits.js';
import { createAdapter } from '../create-adapter.js';
import type { ChatCall, ProviderOptions } from '../provider-adapter.js';

/** That no call meets, however busy the machine is: a test shortens the one that it is about. */
export const LIMITS: CallLimits = { connectMs: 15_000, firstTokenMs: 15_000, idleMs: 15_000, totalMs: 15_000 };

export const CALL: ChatCall = {
  model: 'm',
  body: { model: 'asked', messages: [{ role: 'user', content: 'hi' }] },
  limits: LIMITS,
  stream: false,
};

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A provider on a real socket that answers with `handler`, an adapter for it, and what it received. Both end with the test. */
export async function startProvider(handler: Handler, options: Partial<ProviderOptions> & { path?: string } = {}) {
  const seen = {
    headers: {} as IncomingMessage['headers'],
    body: '',
    path: undefined as string | undefined,
    /** The client left before the answer was whole. */
    closedEarly: false,
    connections: 0,
  };
  const server = createServer((request, response) => {
    seen.headers = request.headers;
    seen.path = request.url;
    seen.body = '';
    response.on('close', () => (seen.closedEarly = !response.writableEnded));
    request.on('data', (chunk: Buffer) => (seen.body += chunk.toString()));
    request.on('end', () => handler(request, response));
  });
  server.on('connection', () => seen.connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { path = '/v1', ...more } = options;
  const adapter = createAdapter({
    name: 'p',
    kind: 'openai-compatible',
    baseUrl: `http://127.0.0.1:${port}${path}`,
    headers: {},
    maxConnections: 4,
    ...more,
  });
  const stopServer = () => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(async () => {
    await adapter.close();
    stopServer();
  });
  return {
    seen,
    adapter,
    stopServer,
    chat: (call: Partial<ChatCall> = {}) => adapter.chat({ ...CALL, ...call }),
  };
}

/** Answers with JSON, or with a text that may be none. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) =>
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
