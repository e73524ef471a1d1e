import { redisKeys, type HealthSnapshot } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { isNewer, isSame } from './snapshot-order.js';
import { parseSnapshot } from './snapshot-store.js';
import { toError, type StoreOptions } from './store-options.js';

export interface SnapshotFeedOptions extends StoreOptions {
  /** How often the stored snapshot is read again, in case a message was lost. */
  rereadEveryMs?: number;
}

/**
 * Keeps the newest health snapshot in memory, so that a decision needs no question to Redis. Hears every publication,
 * and reads the stored snapshot at start, after every reconnect and every few seconds, because pub/sub forgets. While
 * Redis is away the last snapshot stays.
 */
export class SnapshotFeed {
  readonly #options: SnapshotFeedOptions & { rereadEveryMs: number };
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #listeners = new Set<(snapshot: HealthSnapshot) => void>();
  #subscriber: Redis | undefined;
  #reader: Redis | undefined;
  #timer: NodeJS.Timeout | undefined;
  #current: HealthSnapshot | null = null;
  /** By the monotonic clock: somebody who sets the machine's clock makes nothing fresh or stale. */
  #freshAt: number | null = null;
  #clockOffsetMs = 0;
  #received = 0;

  constructor(options: SnapshotFeedOptions) {
    this.#options = { rereadEveryMs: 2_000, ...options };
    this.#keys = redisKeys(options.prefix);
  }

  /** The newest snapshot; null until the first one was seen. */
  get current(): HealthSnapshot | null {
    return this.#current;
  }

  /**
   * How long ago `current` was known to be the latest word, in milliseconds; Infinity when there is none. What arrives as a message
   * is new when it arrives, whatever the clock of its sender says; what is found in Redis is as old as it says.
   */
  ageMs(): number {
    return this.#freshAt === null ? Infinity : Math.max(0, performance.now() - this.#freshAt);
  }

  /**
   * What to add to the times inside `current` to have them on this process's clock, in milliseconds. Learned from messages, whose
   * way takes next to no time; 0 until the first one.
   */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /** Calls `listener` with every new snapshot. Returns the function that ends it. */
  onChange(listener: (snapshot: HealthSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to follow. Returns at once, also when Redis is not there yet. */
  start(): void {
    if (this.#subscriber) return;
    const { redisUrl: url, rereadEveryMs, onError } = this.#options;
    this.#reader = connectRedis({ url, name: 'understudy:feed-read', patience: 'fail-fast', onError });
    this.#reader.on('ready', () => void this.#reread());
    const subscriber = connectRedis({ url, name: 'understudy:feed', patience: 'patient', onError });
    this.#subscriber = subscriber;
    subscriber.on('message', (_channel: string, text: string) => this.#hear(text));
    subscriber.on('ready', () => void this.#subscribe(subscriber));
    this.#timer = setInterval(() => void this.#reread(), rereadEveryMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#listeners.clear();
    const connections = [this.#subscriber, this.#reader].filter((redis) => redis !== undefined);
    await Promise.all(connections.map((redis) => closeRedis(redis)));
  }

  /** Reads after Redis has confirmed the subscription: what is published from then on is heard, what was before is read. */
  async #subscribe(subscriber: Redis): Promise<void> {
    try {
      await subscriber.subscribe(this.#keys.healthChanged);
      await this.#reread();
    } catch (thrown) {
      this.#options.onError?.(toError(thrown));
    }
  }

  #hear(text: string): void {
    const snapshot = parseSnapshot(text);
    if (!snapshot || !isNewer(snapshot, this.#current)) return;
    this.#clockOffsetMs = Date.now() - snapshot.at;
    this.#accept(snapshot, 0);
  }

  async #reread(): Promise<void> {
    if (this.#reader?.status !== 'ready') return;
    const receivedBefore = this.#received;
    try {
      const snapshot = parseSnapshot(await this.#reader.get(this.#keys.snapshot));
      if (!snapshot || isSame(snapshot, this.#current)) return;
      // An older one is out of date if a message overtook our question. Otherwise Redis itself has gone back (restored,
      // or emptied and filled again), and holding on to what it had before would mean never to hear it again.
      const overtaken = this.#received !== receivedBefore;
      if (isNewer(snapshot, this.#current) || !overtaken) this.#accept(snapshot, Math.max(0, Date.now() - snapshot.at));
    } catch (thrown) {
      this.#options.onError?.(toError(thrown));
    }
  }

  #accept(snapshot: HealthSnapshot, ageMs: number): void {
    this.#current = snapshot;
    this.#freshAt = performance.now() - ageMs;
    this.#received++;
    for (const listener of this.#listeners) listener(snapshot);
  }
}
