import type { IncomingHttpHeaders } from 'node:http';

/** A request as it came. */
export interface ReceivedRequest {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A request as the admin API shows it, if the simulator keeps requests. */
export interface KeptRequest {
  /** Without the values of those that carry secrets. */
  headers: IncomingHttpHeaders;
  /** What the JSON says, the text if it is none, null if it was too long to keep. */
  body: unknown;
}

const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'cookie'];
/** Longer bodies are not kept. */
const MAX_KEPT_BYTES = 256 * 1024;

/** What is kept of a request. */
export function keptRequest({ headers, body }: ReceivedRequest): KeptRequest {
  const shown = Object.entries(headers).map(([name, value]) => [
    name,
    SECRET_HEADERS.includes(name) ? '[not kept]' : value,
  ]);
  return { headers: Object.fromEntries(shown), body: body.length > MAX_KEPT_BYTES ? null : parse(body.toString()) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
