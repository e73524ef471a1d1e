import { EventEmitter } from 'node:events';
import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { HOLD_LEASE, RELEASE_LEASE } from './scripts/hold-lease.js';
import { toError, type StoreOptions } from './store-options.js';

export interface LeaseOptions extends StoreOptions {
  /** Unique among all who compete. */
  owner: string;
  /** A lease that is not renewed for this long falls to whoever asks next. */
  ttlMs?: number;
  renewEveryMs?: number;
}

/**
 * The right to be the one writer, for a few seconds at a time. A paused process may believe that it still holds the
 * lease; so every write carries the epoch, which Redis raises on each change of owner, and an old one is refused.
 *
 * Events: `turn` after every look at the lease, whatever it showed; `connected` and `disconnected` for Redis itself.
 */
export class Lease extends EventEmitter<{ turn: []; connected: []; disconnected: [] }> {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #options: LeaseOptions & { ttlMs: number; renewEveryMs: number };
  #held: { epoch: number; until: number } | null = null;
  #owner: string | null = null;
  #closed = false;
  #renewal: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LeaseOptions) {
    super();
    this.#options = { ttlMs: 3_000, renewEveryMs: 1_000, ...options };
    this.#keys = redisKeys(options.prefix);
    const { redisUrl: url, onError } = options;
    this.#redis = connectRedis({ url, name: 'understudy:lease', patience: 'fail-fast', onError });
    this.#redis.on('ready', () => this.emit('connected'));
    this.#redis.on('close', () => this.emit('disconnected'));
  }

  /** The epoch under which we may write; null when the lease is not ours, or could not be renewed in time. */
  get epoch(): number | null {
    return this.#held && performance.now() < this.#held.until ? this.#held.epoch : null;
  }

  /** Who held the lease when we last looked; null before the first look. */
  get owner(): string | null {
    return this.#owner;
  }

  /** Whether Redis can be asked now. */
  get connected(): boolean {
    return this.#redis.status === 'ready';
  }

  /** Competes from now on, and renews what it wins. */
  start(): void {
    if (this.#timer) return;
    this.#timer = setInterval(() => void this.renew(), this.#options.renewEveryMs);
    this.#redis.on('ready', () => void this.renew());
    void this.renew();
  }

  /** Asks at once instead of at the next turn. Never rejects: without Redis the lease runs out by itself. */
  renew(): Promise<void> {
    this.#renewal ??= this.#ask().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  /** Stops competing. `release` hands the lease on at once; without it the next owner waits until it has run out. */
  async close({ release = true } = {}): Promise<void> {
    clearInterval(this.#timer);
    this.#closed = true;
    if (release && this.connected)
      this.#redis.eval(RELEASE_LEASE, 1, this.#keys.lease, this.#options.owner).catch(() => undefined);
    this.#held = null;
    this.emit('turn');
    await closeRedis(this.#redis);
  }

  async #ask(): Promise<void> {
    // Counted from before the question: Redis cannot have started the lease earlier than that.
    const askedAt = performance.now();
    const { owner, ttlMs, onError } = this.#options;
    if (this.connected && !this.#closed)
      try {
        const answer = await this.#redis.eval(HOLD_LEASE, 2, this.#keys.lease, this.#keys.epoch, owner, ttlMs);
        const [held, epoch, holder] = answer as [number, number, string];
        this.#owner = holder;
        this.#held = held === 1 && !this.#closed ? { epoch, until: askedAt + ttlMs } : null;
      } catch (thrown) {
        onError?.(toError(thrown));
      }
    this.emit('turn');
  }
}
