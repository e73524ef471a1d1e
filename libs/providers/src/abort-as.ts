import { type AbortKind, AttemptAbort } from './attempt-abort.js';

/**
 * A signal that aborts with `outer`, for a reason that the adapters understand.
 * @param kindOf why the call ends, told from the reason of `outer`
 */
export function abortAs(outer: AbortSignal, kindOf: (reason: unknown) => AbortKind): AbortSignal {
  const controller = new AbortController();
  const follow = () => controller.abort(new AttemptAbort(kindOf(outer.reason)));
  if (outer.aborted) follow();
  else outer.addEventListener('abort', follow, { once: true });
  return controller.signal;
}
