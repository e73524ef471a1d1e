import { modelListingSchema, redisKeys, type ModelListing } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import type { StoreOptions } from './store-options.js';

/** Whose turn it is to ask a provider: ours, somebody's who has not told the end yet, or nobody's, since it was asked. */
export type Turn = 'ours' | 'taken' | 'over';

/** How long what was learned is kept, in milliseconds. */
export interface ListingTimes {
  /** That the provider was asked in this turn. */
  turnMs: number;
  /** What its list said. */
  listingMs: number;
}

/** What the providers' lists of models said last, and whose turn it is to ask for one. Probers write, aggregators read. */
export class ModelListings {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof redisKeys>;

  constructor({ redisUrl: url, prefix, onError }: StoreOptions) {
    this.#redis = connectRedis({ url, name: 'understudy:models', patience: 'fail-fast', onError });
    this.#keys = redisKeys(prefix);
  }

  /**
   * Asks for the turn, which one caller gets. It is free again after `holdMs` unless `keep` ends it: whoever had it may have died.
   * @throws what ioredis throws while Redis is away
   */
  async take(provider: string, turn: string, holdMs: number): Promise<Turn> {
    const key = this.#keys.modelListTurn(provider, turn);
    if (await this.#redis.set(key, 'asking', 'PX', holdMs, 'NX')) return 'ours';
    return (await this.#redis.get(key)) === 'asked' ? 'over' : 'taken';
  }

  /**
   * Stores what was learned, and ends the turn.
   * @throws what ioredis throws while Redis is away
   */
  async keep(
    provider: string,
    turn: string,
    listing: ModelListing,
    { turnMs, listingMs }: ListingTimes,
  ): Promise<void> {
    const transaction = this.#redis.multi();
    transaction.set(this.#keys.modelListing(provider), JSON.stringify(listing), 'PX', listingMs);
    transaction.set(this.#keys.modelListTurn(provider, turn), 'asked', 'PX', turnMs);
    const failed = (await transaction.exec())?.find(([error]) => error);
    if (failed?.[0]) throw failed[0];
  }

  /**
   * What is known of these providers, in their order; null where nothing is, or nothing that can be read.
   * @throws what ioredis throws while Redis is away
   */
  async read(providers: readonly string[]): Promise<(ModelListing | null)[]> {
    if (providers.length === 0) return [];
    const texts = await this.#redis.mget(providers.map((provider) => this.#keys.modelListing(provider)));
    return texts.map((text) => parseListing(text));
  }

  async close(): Promise<void> {
    await closeRedis(this.#redis);
  }
}

function parseListing(text: string | null): ModelListing | null {
  if (text === null) return null;
  try {
    return modelListingSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
