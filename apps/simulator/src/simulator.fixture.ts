import { request, type Dispatcher } from 'undici';
import { startSimulator, type SimulatorOptions } from './simulator.server.js';

/** What came back for a request of a spec. */
export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The body as JSON; throws when it is none. */
  json: <Body>() => Body;
}

/** All that came of a response, however it ended; status 0 when not even the headers came. */
export interface Received {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  bytes: Buffer;
  end: 'complete' | 'broken' | 'silence';
}

/** A completion body that any model answers; fields can be added or replaced. */
export function ask(model: string, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return { model, messages: [{ role: 'user', content: 'ping' }], ...fields };
}

/** Starts a simulator of its own for a spec, and speaks to it over real sockets. */
export async function startForSpec(options: SimulatorOptions = {}) {
  const simulator = await startSimulator(options);
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers = {},
    signal?: AbortSignal,
  ): Promise<Reply> => {
    const response = await request(simulator.url + path, {
      method: method as Dispatcher.HttpMethod,
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) };
  };
  /** Reads until the response ends, its connection breaks, or nothing has come for `silenceMs`; then the caller leaves. */
  const receive = async (path: string, body: unknown, headers = {}, silenceMs = 15_000): Promise<Received> => {
    const caller = new AbortController();
    const received: Received = { status: 0, headers: {}, text: '', bytes: Buffer.of(), end: 'complete' };
    let timer = setTimeout(() => caller.abort(), silenceMs);
    const chunks: Buffer[] = [];
    try {
      const response = await request(simulator.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal: caller.signal,
      });
      received.status = response.statusCode;
      received.headers = response.headers;
      for await (const chunk of response.body) {
        chunks.push(chunk as Buffer);
        clearTimeout(timer);
        timer = setTimeout(() => caller.abort(), silenceMs);
      }
    } catch {
      received.end = caller.signal.aborted ? 'silence' : 'broken';
    }
    clearTimeout(timer);
    received.bytes = Buffer.concat(chunks);
    received.text = received.bytes.toString();
    return received;
  };
  return {
    ...simulator,
    send,
    receive,
    complete: (provider: string, body: unknown, headers = {}, signal?: AbortSignal) =>
      send('POST', `/${provider}/v1/chat/completions`, body, headers, signal),
    admin: (method: string, path: string, body?: unknown) => send(method, `/admin${path}`, body),
  };
}

/** The events of a stream: the text after each `data: `. */
export function eventsOf(text: string): string[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
}
