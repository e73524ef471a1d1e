import { constants } from 'node:os';

/**
 * Ctrl-C in a terminal reaches the whole process group, and a launcher passes it on as well: copies that arrive this soon
 * after the first are the same wish.
 */
const SAME_REQUEST_MS = 500;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Calls `stop` at the first SIGTERM or SIGINT. Whoever asks a second time has lost patience: then the process ends at once, with
 * the code that shells give to a process ended by that signal (143, 130).
 */
export function onStopRequest(stop: (signal: NodeJS.Signals) => void): void {
  let requestedAt: number | undefined;
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (requestedAt === undefined) {
        requestedAt = performance.now();
        stop(signal);
      } else if (performance.now() - requestedAt > SAME_REQUEST_MS) process.exit(128 + constants.signals[signal]);
    });
}
