import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter } from '../create-adapter.js';
import type { ChatCall, ProviderAdapter } from '../provider-adapter.js';

/** A request as it arrived. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  /** Resolves when the connection of this request was closed before the answer ended. */
  cut: Promise<void>;
}

/** A real server with one scripted answer, and an adapter that talks to it. */
export interface FakeProvider {
  adapter: ProviderAdapter;
  baseUrl: string;
  received: Received[];
  chat: (call?: Partial<ChatCall>) => ReturnType<ProviderAdapter['chat']>;
  close: () => Promise<void>;
}

export const LIMITS = { connectMs: 1_000, firstTokenMs: 2_000, idleMs: 2_000, totalMs: 5_000 };

export const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-served',
  content: [{ type: 'text', text: 'hi' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 1 },
};

/** Starts a provider whose every answer is `answer`. */
export async function fakeProvider(
  answer: (response: ServerResponse, received: Received) => void,
  options: { apiKey?: string; headers?: Record<string, string> } = { apiKey: 'sk-ant-secret' },
): Promise<FakeProvider> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = '';
    const cut = new Promise<void>((resolve) => {
      response.on('close', () => {
        if (!response.writableFinished) resolve();
      });
    });
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const body = (text ? JSON.parse(text) : {}) as Record<string, unknown>;
      const one: Received = { path: request.url ?? '', headers: request.headers, body, cut };
      received.push(one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const adapter = createAdapter({ name: 'a', kind: 'anthropic', baseUrl, headers: {}, maxConnections: 4, ...options });
  return {
    adapter,
    baseUrl,
    received,
    chat: (call = {}) =>
      adapter.chat({
        model: 'claude-sonnet-4-6',
        body: { model: 'asked', messages: [{ role: 'user', content: 'hi' }] },
        limits: LIMITS,
        stream: false,
        ...call,
      }),
    close: async () => {
      await adapter.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' ? body : JSON.stringify(body));
  };

/** One event of a stream. */
export const event = (data: { type: string; [field: string]: unknown }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

export const START = event({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-served',
    content: [],
    stop_reason: null,
    usage: { input_tokens: 3, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 1 },
  },
});
export const PING = event({ type: 'ping' });
export const STOP = event({ type: 'message_stop' });

/** A block of one kind with its deltas. */
export const block = (index: number, start: object, deltas: readonly object[]): string =>
  event({ type: 'content_block_start', index, content_block: start }) +
  deltas.map((delta) => event({ type: 'content_block_delta', index, delta })).join('') +
  event({ type: 'content_block_stop', index });

export const text = (...words: string[]): string =>
  block(
    0,
    { type: 'text', text: '' },
    words.map((word) => ({ type: 'text_delta', text: word })),
  );

export const ends = (stopReason: string): string =>
  event({
    type: 'message_delta',
    delta: { stop_reason: stopReason, stop_sequence: null },
    usage: { output_tokens: 7 },
  });

/** A stream that is written in one go, and ended unless `keepOpen`. */
export const sse =
  (body: string | Buffer, keepOpen = false) =>
  (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(body);
    if (!keepOpen) response.end();
  };
