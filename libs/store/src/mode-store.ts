import { modeSettingSchema, redisKeys, type ModeSetting } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import type { StoreOptions } from './store-options.js';

/** What operators have set about the mode of the fleet. The leading aggregator looks at it with every snapshot. */
export class ModeStore {
  readonly #redis: Redis;
  readonly #key: string;

  constructor({ redisUrl, prefix, onError }: StoreOptions) {
    this.#redis = connectRedis({ url: redisUrl, name: 'understudy:mode', patience: 'fail-fast', onError });
    this.#key = redisKeys(prefix).modeSetting;
  }

  /**
   * Null when nobody has set anything, or when it cannot be read as a setting: then the rule decides.
   * @throws what ioredis throws while Redis is away
   */
  async read(): Promise<ModeSetting | null> {
    const text = await this.#redis.get(this.#key);
    if (text === null) return null;
    try {
      return modeSettingSchema.safeParse(JSON.parse(text)).data ?? null;
    } catch {
      return null;
    }
  }

  /**
   * Stores the setting; it counts from the next snapshot on, within a second.
   * @throws what ioredis throws while Redis is away
   */
  async set(setting: ModeSetting): Promise<void> {
    await this.#redis.set(this.#key, JSON.stringify(setting));
  }

  /**
   * Stores the setting where there is none.
   * @returns whether it did
   * @throws what ioredis throws while Redis is away
   */
  async setIfNone(setting: ModeSetting): Promise<boolean> {
    return (await this.#redis.set(this.#key, JSON.stringify(setting), 'NX')) === 'OK';
  }

  async close(): Promise<void> {
    await closeRedis(this.#redis);
  }
}
