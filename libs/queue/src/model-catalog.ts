import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, describeRedis, type Redis } from '#libs/redis';
import { z } from 'zod';
import { type QueueLocation, withRedis } from './queue-access.js';

const catalogSchema = z.array(z.string());

/** Names of the models that can be asked for, as the routers last announced them. */
export class ModelCatalog {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(private readonly location: QueueLocation) {
    this.#redis =
      location.connection ?? connectRedis({ url: location.redisUrl, name: 'catalog', patience: 'fail-fast' });
    this.#key = redisKeys(location.prefix).catalog;
  }

  /**
   * Announces what the routers serve; replaces what was announced before.
   * @throws UnderstudyError `queue_unavailable` when Redis is away
   */
  async publish(models: string[]): Promise<void> {
    const names = JSON.stringify(models.toSorted());
    await withRedis(this.location.redisUrl, this.#redis, () => this.#redis.set(this.#key, names));
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
