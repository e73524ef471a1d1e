import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, describeRedis, type Redis } from '#libs/redis';
import { z } from 'zod';
import { type QueueLocation, withRedis } from './queue-access.js';

const catalogSchema = z.array(z.string());

/** What the routers last announced: the names of the models that can be asked for, and what others have to know of their configuration. */
export class ModelCatalog {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #ttlKey: string;

  constructor(private readonly location: QueueLocation) {
    this.#redis =
      location.connection ?? connectRedis({ url: location.redisUrl, name: 'catalog', patience: 'fail-fast' });
    const { catalog, resultTtl } = redisKeys(location.prefix);
    this.#key = catalog;
    this.#ttlKey = resultTtl;
  }

  /**
   * Announces what the routers serve; replaces what was announced before.
   * @param resultTtlMs for how long they keep results, for whoever cancels a job
   * @throws UnderstudyError `queue_unavailable` when Redis is away
   */
  async publish(models: string[], { resultTtlMs }: { resultTtlMs?: number } = {}): Promise<void> {
    const names = JSON.stringify(models.toSorted());
    const ttl = resultTtlMs === undefined ? [] : [this.#ttlKey, resultTtlMs];
    await withRedis(this.location.redisUrl, this.#redis, () => this.#redis.mset(this.#key, names, ...ttl));
  }

  /**
   * The announced names; null when nothing (or nothing readable) was announced yet.
   * @throws UnderstudyError `queue_unavailable` when Redis is away
   */
  async read(): Promise<string[] | null> {
    const text = await withRedis(this.location.redisUrl, this.#redis, () => this.#redis.get(this.#key));
    if (text === null) return null;
    try {
      return catalogSchema.parse(JSON.parse(text));
    } catch {
      // Somebody wrote over it: as good as none, and no reason to refuse every job.
      return null;
    }
  }

  /**
   * Why somebody may have waited in vain: a sentence when no router has ever announced itself here, else nothing. Never throws.
   */
  async explainSilence(): Promise<string> {
    const { redisUrl, prefix } = this.location;
    // While Redis cannot be asked nothing is known.
    const isAnnounced = await this.read()
      .then((models) => models !== null)
      .catch(() => true);
    if (isAnnounced) return '';
    return `No router has announced itself under the prefix ${prefix} in ${describeRedis(redisUrl)}: does one run, with the same REDIS_URL and UNDERSTUDY_PREFIX?`;
  }

  /** Lets go of the connection, unless it was lent. */
  async close(): Promise<void> {
    if (!this.location.connection) await closeRedis(this.#redis);
  }
}
