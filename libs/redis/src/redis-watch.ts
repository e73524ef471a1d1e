import type { Redis } from 'ioredis';
import { checkRedis, type RedisCheckOptions } from './check-redis.js';
import type { RedisCondition } from './clock-sync.js';
import { closeRedis } from './close-redis.js';
import { connectRedis } from './connect-redis.js';

/** How often a Redis that is well is looked at again: somebody may change its settings, or turn it into a replica. */
const WELL_PAUSE_MS = 5_000;

/** How often one that is not. */
const ILL_PAUSE_MS = 1_000;

/** Looks all the time whether jobs may be entrusted to Redis, and says so. */
export class RedisWatch {
  readonly #redis: Redis;
  #timer: NodeJS.Timeout | undefined;
  #told: string | null | undefined;
  #stopped = false;

  /** @param onChange called with each new problem, and with null when the last one is mended; not with the first good news */
  constructor(
    private readonly options: RedisCheckOptions,
    private readonly condition: RedisCondition,
    private readonly onChange: (problem: string | null) => void,
  ) {
    this.#redis = connectRedis({ url: options.url, name: 'watch', patience: 'fail-fast' });
  }

  /** Begins to look, and goes on until it is stopped. */
  start(): void {
    void this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await closeRedis(this.#redis);
  }

  async #look(): Promise<void> {
    const { problem } = await checkRedis(this.#redis, this.options);
    if (this.#stopped) return;
    if (problem === null) this.condition.met();
    else this.condition.lost(problem);
    this.#tell(problem);
    this.#timer = setTimeout(() => void this.#look(), problem === null ? WELL_PAUSE_MS : ILL_PAUSE_MS);
    this.#timer.unref();
  }

  #tell(problem: string | null): void {
    // Waits and ports in the words of a problem change from look to look.
    const face = problem?.replace(/\d+ ms/g, '') ?? null;
    if (face === this.#told || (face === null && this.#told === undefined)) return void (this.#told = face);
    this.#told = face;
    this.onChange(problem);
  }
}
