import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import { UnderstudyError } from '#libs/contracts';
import { DoorError } from './door.errors.js';
import { doorError } from './openai-error.js';

/** Injection token of the largest body that is taken, in bytes. */
export const MAX_BODY_BYTES = Symbol('MAX_BODY_BYTES');

/**
 * Reads the body of a request as JSON into `request.body`, whatever content type it claims: curl calls it a form unless told
 * otherwise. Turns away what is too large before it is in memory, and what is not JSON.
 */
@Injectable()
export class JsonBodyMiddleware implements NestMiddleware {
  constructor(@Inject(MAX_BODY_BYTES) private readonly maxBytes: number) {}

  async use(request: IncomingMessage & { body?: unknown }, _response: ServerResponse, next: () => void): Promise<void> {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity')
      throw new DoorError(
        doorError(
          415,
          'unsupported_encoding',
          `Content-Encoding ${encoding} is not supported: send the body as it is.`,
        ),
      );
    request.body = parseJson(await this.#read(request));
    next();
  }

  #read(request: IncomingMessage): Promise<string> {
    // Waiting for what somebody else has read would never end.
    if (request.readableEnded) return Promise.reject(new Error('JsonBodyMiddleware: another parser has read the body'));
    const announced = Number(request.headers['content-length']);
    if (announced > this.maxBytes) {
      request.resume();
      return Promise.reject(this.#tooLarge(`${announced} bytes`));
    }
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      request.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= this.maxBytes) return void chunks.push(chunk);
        // The rest flows past: a client that is cut off while it still sends never sees the answer.
        chunks.length = 0;
        reject(this.#tooLarge('longer than that'));
      });
      request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      request.once('error', reject);
    });
  }

  #tooLarge(size: string): UnderstudyError {
    return new UnderstudyError(
      'payload_too_large',
      `A request may have ${this.maxBytes} bytes (jobs.maxRequestBytes); this one is ${size}.`,
    );
  }
}

function parseJson(text: string): unknown {
  if (text.trim() === '')
    throw new UnderstudyError(
      'invalid_request',
      'The request has no body: send a JSON object with model and messages, or model and input.',
    );
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the body, and prompts do not belong into errors.
    throw new UnderstudyError('invalid_request', 'The body is not valid JSON.');
  }
}
