import { redisKeys } from '#libs/contracts';
import type { Observation } from '#libs/health-core';
import { connectRedis, type Redis, redisTimeMs } from '#libs/redis';
import { fromEntry, type RejectedEntry } from './observation-entry.js';
import type { StoreOptions } from './store-options.js';

/** Where the stream begins. */
export const STREAM_START = '0-0';

/** Some observations, in the order of their arrival. */
export interface ObservationBatch {
  observations: Observation[];
  /** How long each of them had lain in the stream when it was read, in milliseconds, by Redis's clock alone. */
  waitedMs: number[];
  rejected: RejectedEntry[];
  /** Where to read on: store it together with what the observations led to. */
  cursor: string;
}

/**
 * Reads the stream of observations for the leader. There is one reader at a time, so it needs no consumer group: the
 * leader stores the cursor in the same script as the state it led to, and whoever leads next reads on from there. What a
 * dead leader read but did not store is read again; what it stored is not.
 */
export class ObservationReader {
  readonly #redis: Redis;
  readonly #stream: string;
  readonly #closed = new AbortController();

  constructor({ redisUrl, prefix, onError }: StoreOptions) {
    this.#redis = connectRedis({ url: redisUrl, name: 'understudy:observations', patience: 'patient', onError });
    this.#stream = redisKeys(prefix).observations;
  }

  /**
   * What came after `cursor`. Waits up to `blockMs` for the first one, and for Redis as long as it is away.
   * @throws when it is closed meanwhile
   */
  async read(cursor: string, { blockMs = 1_000, count = 1_000 } = {}): Promise<ObservationBatch> {
    // BLOCK 0 would wait for ever.
    const block = Math.max(1, Math.round(blockMs));
    const [answer, readAt] = await this.#unlessClosed(
      // Redis works them off in this order: the time is that of the end of the waiting.
      Promise.all([
        this.#redis.xread('COUNT', count, 'BLOCK', block, 'STREAMS', this.#stream, cursor),
        redisTimeMs(this.#redis, this.#stream),
      ]),
    );
    const batch: ObservationBatch = { observations: [], waitedMs: [], rejected: [], cursor };
    for (const [entryId, fields] of answer?.[0]?.[1] ?? []) {
      const entry = fromEntry(entryId, fields);
      if ('problem' in entry) batch.rejected.push(entry);
      else {
        batch.observations.push(entry);
        batch.waitedMs.push(Math.max(0, readAt - Number.parseInt(entryId, 10)));
      }
      batch.cursor = entryId;
    }
    return batch;
  }

  /** Ends a read that waits. */
  close(): void {
    this.#closed.abort(new Error('the reader of observations was closed'));
    // No QUIT: it would wait for the end of a blocking read.
    this.#redis.disconnect();
  }

  /** ioredis never answers a command that was in flight when the connection broke and disconnect() came before the next one. */
  #unlessClosed<T>(answer: Promise<T>): Promise<T> {
    const { signal } = this.#closed;
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(signal.reason as Error);
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
    });
  }
}
