import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import { DoorError } from './door.errors.js';
import { doorError } from './openai-error.js';

/** Injection token of the keys that open the door: string[]; empty means that everybody may come in. */
export const API_KEYS = Symbol('API_KEYS');

/**
 * Lets a request in that carries one of the configured keys as `Authorization: Bearer …`. A middleware, not a guard: it comes
 * before the body is read.
 */
@Injectable()
export class ApiKeyMiddleware implements NestMiddleware {
  readonly #digests: readonly Buffer[];

  constructor(@Inject(API_KEYS) keys: readonly string[]) {
    this.#digests = keys.map(digestOf);
  }

  use(request: IncomingMessage, _response: ServerResponse, next: () => void): void {
    if (this.#digests.length > 0) this.#check(request.headers.authorization);
    next();
  }

  #check(authorization: string | undefined): void {
    const presented = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined) throw refusal('No API key was sent: add the header Authorization: Bearer <key>.');
    if (!this.#knows(presented)) throw refusal('The API key is not one of this gateway’s keys.');
  }

  /** Digests have one length and all of them are compared, so that the time taken tells nothing about any key. */
  #knows(presented: string): boolean {
    const digest = digestOf(presented);
    return this.#digests.map((known) => timingSafeEqual(known, digest)).includes(true);
  }
}

const digestOf = (key: string) => createHash('sha256').update(key).digest();

const refusal = (message: string) =>
  new DoorError(doorError(401, 'invalid_api_key', message, { 'www-authenticate': 'Bearer' }));
