import { AttemptAbort } from '#libs/providers';
import { SHUTDOWN } from '#libs/queue';

/** The queue's signal in the words of the provider layer, so that a call cut by our own restart blames nobody. */
export function attemptSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const follow = () => controller.abort(new AttemptAbort(signal.reason === SHUTDOWN ? 'shutdown' : 'caller'));
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  return controller.signal;
}
