import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { type PlacedEntry, placeEntry } from './chunk-entry.js';
import { ChunkNews } from './chunk-news.js';
import { type QueueLocation, withRedis } from './queue-access.js';

/** Entries that are read at once: what a reader holds of an answer that it has not asked for yet. */
const READ_AT_ONCE = 16;

/** The beginning of every stream, to read from. */
export const CHUNKS_START = '0-0';

/** Reads what answers say while they are made: only when it is asked to, so a slow reader holds no more than one step of the answer. */
export class ChunkReader {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof redisKeys>;
  #news: ChunkNews | undefined;

  constructor(private readonly location: QueueLocation) {
    const { redisUrl: url, connection, prefix } = location;
    this.#redis = connection ?? connectRedis({ url, name: 'chunk-reader', patience: 'fail-fast' });
    this.#keys = redisKeys(prefix);
  }

  /**
   * The next entries after `id`, at most sixteen; none when there is nothing more yet.
   * @throws UnderstudyError `queue_unavailable` while Redis is away
   */
  async read(jobId: string, id: string): Promise<PlacedEntry[]> {
    const key = this.#keys.chunks(jobId);
    const entries = await withRedis(this.location.redisUrl, this.#redis, () =>
      this.#redis.xrange(key, `(${id}`, '+', 'COUNT', READ_AT_ONCE),
    );
    return entries.map(([entryId, fields]) => placeEntry(entryId, fields));
  }

  /** For waiting until there may be more to read. `leave` it at the end. */
  follow(jobId: string): ReturnType<ChunkNews['follow']> {
    this.#news ??= new ChunkNews(this.location.redisUrl);
    return this.#news.follow(this.#keys.chunks(jobId));
  }

  /** Ends every wait and lets go of the connections, but for a lent one. */
  async close(): Promise<void> {
    await this.#news?.close();
    if (!this.location.connection) await closeRedis(this.#redis);
  }
}
