import type { Readable } from 'node:stream';

/** The answer is larger than we are willing to hold. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
  constructor(readonly maxBytes: number) {
    super(`the answer is larger than ${maxBytes} bytes`);
  }
}

/** Undecodable text in an answer: cut characters, another encoding. */
export class BodyEncodingError extends Error {
  override readonly name = 'BodyEncodingError';
}

/**
 * Reads a whole body as UTF-8.
 * @throws BodyTooLargeError, BodyEncodingError, or what the socket threw
 */
export async function readBody(stream: Readable, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop by a throw destroys the stream, and with it the connection.
    if (size > maxBytes) throw new BodyTooLargeError(maxBytes);
    parts.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new BodyEncodingError('the answer is not valid UTF-8');
  }
}

/** Parses JSON; undefined for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
