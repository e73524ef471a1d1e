import type { FailureClass, FailureScope } from '#libs/health-core';

/** An answer arrived, and is none: why, and what was lost. Thrown and caught inside an adapter; callers get a FailedCall. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';

  constructor(
    readonly failure: FailureClass,
    message: string,
    readonly more: {
      /** How long the provider asked us to stay away, in milliseconds. */
      retryAfterMs?: number | undefined;
      /** Whom it concerns, where the provider told. */
      scope?: FailureScope | undefined;
      /** Characters of an answer in one piece that were thrown away. */
      discardedChars?: number | undefined;
    } = {},
  ) {
    super(message);
  }
}
