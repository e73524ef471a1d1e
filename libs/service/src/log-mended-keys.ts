import { Logger } from '@nestjs/common';

/** Between two lines: whoever writes such keys may do so again and again. */
const QUIET_MS = 10_000;

/** Keys that are named in one line. */
const NAMED = 10;

/**
 * Logs that keys in Redis were taken away or put right because they held what only somebody else can have written. At most one line in
 * ten seconds.
 * @param context whose keys they are, for people to read
 */
export function logMendedKeys(context: string): (keys: readonly string[]) => void {
  const log = new Logger(context);
  let toldAt = -Infinity;
  let untold = 0;
  return (keys) => {
    const now = performance.now();
    untold += keys.length;
    if (now - toldAt < QUIET_MS) return;
    toldAt = now;
    log.warn({
      event: 'llm.redis.mended',
      keys: keys.slice(0, NAMED),
      count: untold,
      msg: 'these keys held what no process of this system writes; it was dropped, and everything else goes on',
    });
    untold = 0;
  };
}
