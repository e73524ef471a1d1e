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

/** How long a body that looks complete may stay open before it is taken for complete. */
const LINGER_MS = 500;

/**
 * Reads a whole body as UTF-8. One that is a JSON object already, and then neither goes on nor ends, is whole too: a server
 * that never closes must not turn an answer into a timeout.
 * @throws BodyTooLargeError, BodyEncodingError, or what the socket threw
 */
export async function readBody(stream: Readable, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  let whole: string | undefined;
  const endIfWhole = () => {
    if (parts.at(-1)?.toString('latin1').trimEnd().endsWith('}') !== true) return;
    const text = decodeUtf8(Buffer.concat(parts));
    if (parseJson(text) === undefined) return;
    whole = text;
    stream.destroy();
  };
  const linger = setTimeout(() => {
    try {
      endIfWhole();
    } catch (error) {
      stream.destroy(error as Error);
    }
  }, LINGER_MS);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      // Leaving the loop by a throw destroys the stream, and with it the connection.
      if (size > maxBytes) throw new BodyTooLargeError(maxBytes);
      parts.push(chunk);
      linger.refresh();
    }
  } catch (error) {
    if (whole === undefined) throw error;
  } finally {
    clearTimeout(linger);
  }
  return whole ?? decodeUtf8(Buffer.concat(parts));
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new BodyEncodingError('the answer is not valid UTF-8');
  }
}

/** The start of a body, for what reports an error: a rest that is missing, late or not UTF-8 changes nothing about that. */
export async function readBodyStart(stream: Readable, maxBytes: number, withinMs: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => stream.destroy(), withinMs);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      parts.push(chunk);
      size += chunk.length;
      if (size >= maxBytes) break;
    }
  } catch {
    // The status has been read, and says enough.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(parts).toString('utf8', 0, maxBytes);
}

/** Parses JSON; undefined for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
