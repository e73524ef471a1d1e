import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis, redisScript } from '#libs/redis';
import { ByteBudget } from './byte-budget.js';
import { type AbandonReason, type ChunkWrite, JobChunks } from './job-chunks.js';
import { WRITE_CHUNKS } from './lua/write-chunks.js';
import { type QueueLocation, withRedis } from './queue-access.js';

/** How long a stream is kept after the last thing that was said, in milliseconds. */
const LIVE_TTL_MS = 900_000;

/** How long it is kept after its end: a reader that comes later finds the result. In milliseconds. */
const ENDED_TTL_MS = 600_000;

/** What all jobs of a process together may have waiting to be written, in bytes of JSON. */
const MAX_PENDING_BYTES = 32 * 1024 * 1024;

/** How long `close` waits for what is still to be written, in milliseconds. */
const CLOSE_PATIENCE_MS = 1_000;

export interface ChunkWriterOptions extends QueueLocation {
  /** Hears that an attempt is not published any further. */
  onAbandoned?: (reason: AbandonReason) => void;
}

const writeChunks = redisScript(WRITE_CHUNKS);

/** Publishes what answers say while they are made. Costs nothing until the first job asks for it. */
export class ChunkWriter {
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #budget = new ByteBudget(MAX_PENDING_BYTES);
  readonly #open = new Set<JobChunks>();
  #redis: Redis | undefined;

  constructor(private readonly options: ChunkWriterOptions) {
    this.#keys = redisKeys(options.prefix);
  }

  /** @param run how often work on the job has begun, this run included */
  open(jobId: string, run: number): JobChunks {
    const { onAbandoned = () => undefined } = this.options;
    const chunks: JobChunks = new JobChunks({
      run,
      budget: this.#budget,
      write: (write) => this.#write(jobId, write),
      onAbandoned,
      onDone: () => this.#open.delete(chunks),
    });
    this.#open.add(chunks);
    return chunks;
  }

  /** Writes what is left, as far as that is possible within a second, and lets go of the connection. */
  async close(): Promise<void> {
    const deadline = Date.now() + CLOSE_PATIENCE_MS;
    for (const chunks of this.#open) chunks.close();
    while (this.#open.size > 0 && Date.now() < deadline) await delay(10);
    if (this.#redis && !this.options.connection) await closeRedis(this.#redis);
  }

  async #write(jobId: string, write: ChunkWrite): Promise<boolean> {
    const { redisUrl: url, connection } = this.options;
    this.#redis ??= connection ?? connectRedis({ url, name: 'chunks', patience: 'fail-fast' });
    const redis = this.#redis;
    const ttlMs = write.kind === 'end' ? ENDED_TTL_MS : LIVE_TTL_MS;
    const number = write.kind === 'chunks' ? write.number : 0;
    const args = [write.kind, write.epoch, number, ttlMs, ...fieldsOf(write)];
    return (await withRedis(url, redis, () => writeChunks(redis, [this.#keys.chunks(jobId)], args))) === 1;
  }
}

function fieldsOf(write: ChunkWrite): (string | number)[] {
  switch (write.kind) {
    case 'chunks':
      return ['attempt', write.attempt, 'target', write.target, 'chunks', `[${write.parts.join(',')}]`];
    case 'restarted':
      return ['attempt', write.attempt, 'reason', write.reason];
    case 'end':
      return [];
  }
}
