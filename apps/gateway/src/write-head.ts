import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Sends status and headers with whatever is written next; unlike Node's own way, the headers can still be asked for afterwards. */
export function writeHead(response: ServerResponse, status: number, headers: OutgoingHttpHeaders): void {
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
  response.writeHead(status);
}
