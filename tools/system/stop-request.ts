/** A terminal and npm may both deliver the same Ctrl-C; a person's second one comes later than this. */
const SAME_REQUEST_MS = 700;

/**
 * Aborts when somebody asks this process to stop (Ctrl-C, SIGTERM, closed terminal). A second request ends the process at once; what it has
 * started is then stopped by its watchdogs.
 */
export function listenForStopRequest(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const request = (signal: NodeJS.Signals) => {
    const now = Date.now();
    if (firstAt === undefined) {
      firstAt = now;
      controller.abort(signal);
    } else if (now - firstAt > SAME_REQUEST_MS) {
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);
  return controller.signal;
}

/** Settles when the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
