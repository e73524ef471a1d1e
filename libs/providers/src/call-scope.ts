import { AttemptAbort, type CallDeadline } from './attempt-abort.js';
import type { CallLimits } from './call-limits.js';

/** One abort signal for everything that may end a call: our timers and the caller. */
export interface CallScope {
  readonly signal: AbortSignal;
  /** Why the call was ended by us, if it was. */
  readonly abortedBy: AttemptAbort | undefined;
  /** Milliseconds from the start to the first progress; undefined before it. */
  readonly firstTokenMs: number | undefined;
  /** Characters that the answer has said so far. */
  readonly saidChars: number;
  /** The answer said something: content, a tool call, reasoning, a refusal. Bytes and comments are no progress. */
  progressed(chars?: number): void;
  /** Stops the timers and lets go of the caller's signal. */
  close(): void;
}

/**
 * Timers of our own, because undici's header and body timeouts have a resolution of half a second or worse, and because
 * only we know what is progress. Connecting has its timer in the connector (`connectMs`), where a connection begins.
 * @param outer the caller's signal; an AttemptAbort as its reason is kept, anything else means that the caller left
 */
export function openCallScope(limits: CallLimits, outer?: AbortSignal): CallScope {
  const controller = new AbortController();
  const startedAt = performance.now();
  const abort = (kind: CallDeadline, limitMs: number) => controller.abort(new AttemptAbort(kind, limitMs));
  const total = setTimeout(() => abort('total', limits.totalMs), limits.totalMs);
  let firstTokenMs: number | undefined;
  let saidChars = 0;
  let waiting: NodeJS.Timeout | undefined;
  // With the total nearer, the total is the reason.
  if (limits.firstTokenMs < limits.totalMs)
    waiting = setTimeout(() => abort('first_token', limits.firstTokenMs), limits.firstTokenMs);
  const pace = new PaceWatch(limits);
  const follow = () =>
    controller.abort(outer?.reason instanceof AttemptAbort ? outer.reason : new AttemptAbort('caller'));
  if (outer?.aborted) follow();
  else outer?.addEventListener('abort', follow, { once: true });

  return {
    signal: controller.signal,
    get abortedBy() {
      return controller.signal.aborted ? (controller.signal.reason as AttemptAbort) : undefined;
    },
    get firstTokenMs() {
      return firstTokenMs;
    },
    get saidChars() {
      return saidChars;
    },
    progressed(chars = 0) {
      const now = performance.now();
      saidChars += chars;
      if (firstTokenMs === undefined) {
        firstTokenMs = now - startedAt;
        clearTimeout(waiting);
        waiting = setTimeout(() => abort('idle', limits.idleMs), limits.idleMs);
      } else waiting?.refresh();
      if (pace.isTooSlow(chars, now)) abort('too_slow', limits.idleMs);
    },
    close() {
      clearTimeout(total);
      clearTimeout(waiting);
      outer?.removeEventListener('abort', follow);
    },
  };
}

/** Sees an answer that goes on, but so slowly that another would be faster. */
class PaceWatch {
  #since: number | undefined;
  #chars = 0;

  constructor(private readonly limits: CallLimits) {}

  /** Looked at once per window, so that a pause between two bursts is no slowness. */
  isTooSlow(chars: number, now: number): boolean {
    const { minCharsPerSecond, idleMs } = this.limits;
    if (minCharsPerSecond === undefined) return false;
    this.#since ??= now;
    this.#chars += chars;
    const windowMs = now - this.#since;
    if (windowMs < idleMs) return false;
    const isSlow = (this.#chars * 1_000) / windowMs < minCharsPerSecond;
    this.#since = now;
    this.#chars = 0;
    return isSlow;
  }
}
