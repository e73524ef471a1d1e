/** The timers of a call. `connect`: no answer to the connection; `first_token`: nothing said yet; `idle`: it fell silent. */
export type CallDeadline = 'connect' | 'first_token' | 'idle' | 'total' | 'too_slow';

/** Why we ended a call ourselves: a timer ran out, the caller left, or this process is stopping. */
export type AbortKind = CallDeadline | 'caller' | 'shutdown';

/**
 * Reason object of our own aborts. undici rejects with the very object that the signal carries, so our timers are told
 * apart from socket errors by identity instead of by the wording of a message.
 */
export class AttemptAbort extends Error {
  override readonly name = 'AttemptAbort';

  constructor(
    readonly kind: AbortKind,
    /** What the timer was set to, in milliseconds; undefined where none ran out. */
    readonly limitMs?: number,
  ) {
    super(`call ended: ${kind}`);
  }

  /** The timer that ran out, if one did. */
  get deadline(): CallDeadline | undefined {
    return this.kind === 'caller' || this.kind === 'shutdown' ? undefined : this.kind;
  }
}
