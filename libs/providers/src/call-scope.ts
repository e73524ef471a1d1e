import { AttemptAbort } from './attempt-abort.js';

/** One abort signal for everything that may end a call: our timer and the caller. */
export interface CallScope {
  readonly signal: AbortSignal;
  /** Why the call was ended by us, if it was. */
  readonly abortedBy: AttemptAbort | undefined;
  /** Stops the timer and lets go of the caller's signal. */
  close(): void;
}

/**
 * Timers of our own, because undici's header and body timeouts have a resolution of half a second or worse.
 * @param timeoutMs end of the whole call
 * @param outer the caller's signal
 */
export function openCallScope(timeoutMs: number, outer?: AbortSignal): CallScope {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new AttemptAbort('total')), timeoutMs);
  const follow = () =>
    controller.abort(outer?.reason instanceof AttemptAbort ? outer.reason : new AttemptAbort('caller'));
  if (outer?.aborted) follow();
  else outer?.addEventListener('abort', follow, { once: true });

  return {
    signal: controller.signal,
    get abortedBy() {
      return controller.signal.aborted ? (controller.signal.reason as AttemptAbort) : undefined;
    },
    close() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', follow);
    },
  };
}
