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
  return {
    ...simulator,
    send,
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
