import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { writeHead } from './write-head.js';

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.destroyed) return;
  writeHead(response, status, { ...headers, 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
