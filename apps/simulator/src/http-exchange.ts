import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_TIMER_MS } from './faults/fault-span.js';

/** The largest body of a completion request, in bytes. */
export const COMPLETION_BODY_LIMIT_BYTES = 32 * 1024 * 1024;
/** The largest body of an admin request, in bytes. */
export const ADMIN_BODY_LIMIT_BYTES = 1024 * 1024;

/** A body longer than its limit. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
  readonly code = 'SIMULATOR_BODY_TOO_LARGE';

  constructor(readonly limitBytes: number) {
    super(`The body of the request is larger than ${limitBytes / 1024 / 1024} MB.`);
  }
}

/** The caller went away before the whole body had come: there is nobody to answer. */
export class CallerLeftError extends Error {
  override readonly name = 'CallerLeftError';
  readonly code = 'SIMULATOR_CALLER_LEFT';
}

/** Reads a body. Rejects with BodyTooLargeError, or with CallerLeftError. */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      // Read on and drop, so that a caller that is still sending gets to see the answer.
      chunks.length = 0;
      reject(new BodyTooLargeError(limitBytes));
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.on('error', () => reject(new CallerLeftError()));
    // 'close' comes after every request; only one that is not complete has lost its caller.
    request.on('close', () => {
      if (!request.complete) reject(new CallerLeftError());
    });
  });
}

/** Sends a whole response. */
function sendText(response: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
  response.end(body);
}

/** Sends a whole response that is JSON already. */
export function sendJson(response: ServerResponse, status: number, json: string): void {
  sendText(response, status, { 'content-type': 'application/json' }, json);
}

/** Does something later, unless the caller leaves before. 0 or less: does it now; at most MAX_TIMER_MS. */
export function afterDelay(response: ServerResponse, delayMs: number, action: () => void): void {
  if (delayMs <= 0) {
    action();
    return;
  }
  const cancel = (): void => clearTimeout(timer);
  const timer = setTimeout(
    () => {
      // A long stream waits thousands of times on one response.
      response.off('close', cancel);
      action();
    },
    Math.min(delayMs, MAX_TIMER_MS),
  );
  response.once('close', cancel);
}
