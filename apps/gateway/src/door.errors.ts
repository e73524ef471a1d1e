import type { ErrorResponse } from './openai-error.js';

/** A request that is turned away at the door, before there is a job. Carries the whole answer. */
export class DoorError extends Error {
  override readonly name = 'DoorError';
  readonly code: string;

  constructor(readonly response: ErrorResponse) {
    super(response.body.error.message);
    this.code = response.body.error.code;
  }
}
