import { healthSnapshotSchema, redisKeys, type HealthSnapshot } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { PUBLISH_SNAPSHOT } from './scripts/publish-snapshot.js';
import type { StoreOptions } from './store-options.js';

/** One step of the leader: what readers see, and what the next leader needs to go on. */
export interface Publication {
  epoch: number;
  snapshot: HealthSnapshot;
  /** JSON, for the next leader; how far the stream of observations has been read stands inside. */
  state: string;
  /** Targets that are no longer configured; their records are deleted. */
  removed?: readonly string[];
}

/** Health as it lies in Redis: written by the leading aggregator, read by everybody. */
export class SnapshotStore {
  readonly #redis: Redis;
  readonly #lent: boolean;
  readonly #keys: ReturnType<typeof redisKeys>;

  /** @param options `connection`: one to use instead of an own one; whoever opened it closes it */
  constructor(options: StoreOptions & { connection?: Redis }) {
    const { redisUrl, prefix, onError, connection } = options;
    this.#lent = connection !== undefined;
    this.#redis =
      connection ?? connectRedis({ url: redisUrl, name: 'understudy:health', patience: 'fail-fast', onError });
    this.#keys = redisKeys(prefix);
  }

  /** The snapshot last published; null when there is none, or when it cannot be read as one. */
  async read(): Promise<HealthSnapshot | null> {
    return parseSnapshot(await this.#redis.get(this.#keys.snapshot));
  }

  /** The state that the last leader left, as it wrote it; null when there is none. */
  async readState(): Promise<string | null> {
    return this.#redis.get(this.#keys.healthState);
  }

  /**
   * Writes snapshot, state and the record of each target, and tells every reader: all of it or nothing.
   * @returns false when refused, because another leads by now or the version is not newer
   * @throws what ioredis throws while Redis is away
   */
  async publish({ epoch, snapshot, state, removed = [] }: Publication): Promise<boolean> {
    const records = [
      ...snapshot.targets.map((record) => ({ key: this.#keys.health(record.target), fields: hashFields(record) })),
      ...removed.map((target) => ({ key: this.#keys.health(target), fields: [] })),
    ];
    const { epoch: epochKey, snapshotMeta, snapshot: snapshotKey, healthState, healthChanged } = this.#keys;
    const keys = [epochKey, snapshotMeta, snapshotKey, healthState, ...records.map(({ key }) => key)];
    const values = [epoch, snapshot.version, JSON.stringify(snapshot), state, healthChanged];
    const hashes = records.map(({ fields }) => JSON.stringify(fields));
    return (await this.#redis.eval(PUBLISH_SNAPSHOT, keys.length, ...keys, ...values, ...hashes)) === 1;
  }

  async close(): Promise<void> {
    if (!this.#lent) await closeRedis(this.#redis);
  }
}

/** The snapshot in a text; null for anything that is not one, so that garbage is treated as no news. */
export function parseSnapshot(text: string | null): HealthSnapshot | null {
  if (text === null) return null;
  try {
    return healthSnapshotSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** Field, value, field, value …; a hash knows no null, so nothing is written as the empty string. */
const hashFields = (record: object) => Object.entries(record).flatMap(([field, value]) => [field, String(value ?? '')]);
