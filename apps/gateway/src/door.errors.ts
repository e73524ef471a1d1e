import type { IncomingMessage } from 'node:http';
import { doorError, type ErrorResponse } from './openai-error.js';

/** A request that is turned away at the door, before there is a job. Carries the whole answer. */
export class DoorError extends Error {
  override readonly name = 'DoorError';
  readonly code: string;

  constructor(readonly response: ErrorResponse) {
    super(response.body.error.message);
    this.code = response.body.error.code;
  }
}

/**
 * Turns a method away. @param advice what to do instead  @param allow the methods that are possible
 * @throws DoorError 405
 */
export function refuseMethod({ method }: IncomingMessage, advice: string, allow: string): never {
  throw new DoorError(doorError(405, 'method_not_allowed', `${method} is not possible here: ${advice}.`, { allow }));
}
