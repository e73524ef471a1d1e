import { setTimeout as pause } from 'node:timers/promises';
import type { RunningRedis } from './start-redis.js';

/** Who ends it more often than this means it, or it cannot live here. */
const MAX_STARTS = 5;
const WITHIN_MS = 60_000;
/** Its port, or the name of its container, may be taken for another moment. */
const PAUSE_MS = 500;

interface KeeperOptions {
  /** False once it is to stay ended. */
  isWanted: () => boolean;
  /** It answers again. */
  onBack: () => void;
  /** It does not. @param reason for people to read */
  onGivenUp: (reason: string) => void;
}

/** Starts a Redis of our own again, with its data, when somebody else has ended it: a few times, and then no more. */
export class RedisKeeper {
  readonly #startedAt: number[] = [];

  constructor(private readonly options: KeeperOptions) {}

  async bringBack(redis: RunningRedis): Promise<void> {
    const { isWanted, onBack, onGivenUp } = this.options;
    let reason = `it ended ${MAX_STARTS + 1} times within ${WITHIN_MS / 1000} s`;
    while (isWanted()) {
      if (!this.#mayStart()) return onGivenUp(reason);
      try {
        await redis.restart();
        return onBack();
      } catch (error) {
        reason = (error as Error).message;
        await pause(PAUSE_MS);
      }
    }
  }

  /** Counts a start, unless there were too many lately. */
  #mayStart(): boolean {
    const now = performance.now();
    const lately = this.#startedAt.filter((at) => at > now - WITHIN_MS);
    if (lately.length >= MAX_STARTS) return false;
    this.#startedAt.splice(0, Infinity, ...lately, now);
    return true;
  }
}
