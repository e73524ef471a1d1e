import { closeRedis, connectRedis, type Redis } from '#libs/redis';

/** A channel that nobody has waited on for this long is left, in milliseconds: a reader may vanish without a word. */
const IDLE_MS = 10_000;

interface Followed {
  /** Something was heard that nobody has waited for yet. */
  isNews: boolean;
  wake: (() => void) | undefined;
  waitedAt: number;
}

/**
 * Hears that there is more to read, by pub/sub. A message is only a hint: a wait also ends after its time, and at once when it is the
 * first on its channel or the connection was lost, since something may have been said before it was subscribed.
 */
export class ChunkNews {
  readonly #subscriber: Redis;
  readonly #followed = new Map<string, Set<Followed>>();
  readonly #sweep: NodeJS.Timeout;

  constructor(url: string) {
    this.#subscriber = connectRedis({ url, name: 'chunk-news', patience: 'patient' });
    this.#subscriber.on('message', (channel: string) => this.#tell(channel));
    this.#subscriber.on('ready', () => {
      for (const channel of this.#followed.keys()) this.#subscribe(channel);
    });
    this.#sweep = setInterval(() => this.#leaveIdle(Date.now()), IDLE_MS);
    this.#sweep.unref();
  }

  /** One reader's ear on a channel. */
  follow(channel: string): { wait(timeoutMs: number, signal: AbortSignal): Promise<void>; leave(): void } {
    const ear: Followed = { isNews: false, wake: undefined, waitedAt: Date.now() };
    return {
      wait: (timeoutMs, signal) => this.#wait(channel, ear, timeoutMs, signal),
      leave: () => this.#leave(channel, ear),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    for (const channel of this.#followed.keys()) this.#tell(channel);
    await closeRedis(this.#subscriber);
  }

  #wait(channel: string, ear: Followed, timeoutMs: number, signal: AbortSignal): Promise<void> {
    ear.waitedAt = Date.now();
    this.#join(channel, ear);
    if (ear.isNews || signal.aborted) {
      ear.isNews = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        [ear.wake, ear.isNews, ear.waitedAt] = [undefined, false, Date.now()];
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      signal.addEventListener('abort', wake, { once: true });
      ear.wake = wake;
    });
  }

  #join(channel: string, ear: Followed): void {
    const ears = this.#followed.get(channel);
    if (ears?.has(ear)) return;
    if (ears) ears.add(ear);
    else this.#followed.set(channel, new Set([ear]));
    // Also for a channel that is known: its subscription may be on the way.
    this.#subscribe(channel);
  }

  #leave(channel: string, ear: Followed): void {
    const ears = this.#followed.get(channel);
    if (!ears?.delete(ear) || ears.size > 0) return;
    this.#followed.delete(channel);
    if (this.#subscriber.status === 'ready') this.#subscriber.unsubscribe(channel).catch(() => undefined);
  }

  /** While the connection is down nothing is asked: all channels are subscribed when it is up again. */
  #subscribe(channel: string): void {
    if (this.#subscriber.status !== 'ready') return;
    this.#subscriber.subscribe(channel).then(
      () => this.#tell(channel),
      () => undefined,
    );
  }

  #tell(channel: string): void {
    for (const ear of this.#followed.get(channel) ?? []) {
      ear.isNews = true;
      ear.wake?.();
    }
  }

  #leaveIdle(now: number): void {
    for (const [channel, ears] of this.#followed)
      for (const ear of ears) if (!ear.wake && now - ear.waitedAt > IDLE_MS) this.#leave(channel, ear);
  }
}
