/** Why we ended a call ourselves: its own timer ran out, the caller left, or this process is stopping. */
export type AbortKind = 'total' | 'caller' | 'shutdown';

/**
 * Reason object of our own aborts. undici rejects with the very object that the signal carries, so our timers are told
 * apart from socket errors by identity instead of by the wording of a message.
 */
export class AttemptAbort extends Error {
  override readonly name = 'AttemptAbort';

  constructor(readonly kind: AbortKind) {
    super(`call ended: ${kind}`);
  }
}
