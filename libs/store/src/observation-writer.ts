import { randomBytes } from 'node:crypto';
import { redisKeys } from '#libs/contracts';
import { consequenceOf, type Observation } from '#libs/health-core';
import { closeRedis, connectRedis, type Redis, redisScript } from '#libs/redis';
import { toEntry } from './observation-entry.js';
import { OWN_STREAM } from './scripts/own-stream.js';
import { toError, type StoreOptions } from './store-options.js';

const ownStream = redisScript(OWN_STREAM);

/** Entries that the stream keeps, about: some minutes of a busy fleet. */
const STREAM_LENGTH = 20_000;
const MAX_BATCH = 500;
const RETRY_AFTER_MS = 500;

export interface ObservationWriterOptions extends StoreOptions {
  /** Who reports, for people: `router`, `prober`. What makes it unique is added here. */
  reporter: string;
  /** How long a success may wait for others to travel with. */
  batchMs?: number;
  /** What is kept while Redis is away; beyond it the oldest is dropped. */
  maxBuffered?: number;
  /** Is told of the stream's key when it was taken away because it held what only somebody else can have written. */
  onMended?: ((keys: readonly string[]) => void) | undefined;
}

/** Sends observations to the aggregator without ever holding up or failing whoever made them. */
export class ObservationWriter {
  readonly #redis: Redis;
  readonly #stream: string;
  readonly #reporter: string;
  readonly #options: Required<Pick<ObservationWriterOptions, 'batchMs' | 'maxBuffered'>> &
    Pick<ObservationWriterOptions, 'onMended'> &
    StoreOptions;
  #buffer: Observation[] = [];
  #sequence = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | null = null;
  #closed = false;

  constructor(options: ObservationWriterOptions) {
    this.#options = { batchMs: 200, maxBuffered: 10_000, ...options };
    // The sequence starts at 1 in every process, so the reporter must be new as well.
    this.#reporter = `${options.reporter.slice(0, 64)}-${randomBytes(6).toString('hex')}`;
    this.#stream = redisKeys(options.prefix).observations;
    const { redisUrl: url, onError } = options;
    this.#redis = connectRedis({ url, name: 'understudy:reports', patience: 'fail-fast', onError });
    this.#redis.on('ready', () => void this.#flush());
  }

  /** Observations that were lost because Redis was away for too long. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Observations that wait to be sent. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /**
   * Takes an observation along. A failure leaves at once, and so does a 429 that names a time; anything else within `batchMs`. Never throws, never waits.
   * The error message is cut to 500 characters; a traceparent that is too long is left out.
   */
  report(observation: Omit<Observation, 'id'>): void {
    if (this.#closed) return;
    const { errorMessage, evidence, ...call } = observation;
    this.#buffer.push({
      ...call,
      id: `${this.#reporter}-${++this.#sequence}`,
      ...(errorMessage === undefined ? {} : { errorMessage: errorMessage.slice(0, 500) }),
      ...(evidence === undefined || evidence.length > 64 ? {} : { evidence }),
    });
    if (this.#buffer.length > this.#options.maxBuffered) {
      this.#buffer.shift();
      this.#dropped++;
    }
    const { outcome } = observation;
    const isFailure = outcome !== 'success' && ['failure', 'disable'].includes(consequenceOf(outcome).health);
    // A 429 that names a time may concern all routers.
    const urgent = isFailure || (observation.retryAfterMs ?? 0) > 0;
    if (urgent) void this.#flush();
    else this.#flushAfter(this.#options.batchMs);
  }

  /** Sends what is left, for at most `deadlineMs`, and takes no more. Never throws. */
  async close(deadlineMs = 1_000): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    let deadline: NodeJS.Timeout | undefined;
    const end = new Promise<void>((resolve) => (deadline = setTimeout(resolve, deadlineMs)));
    await Promise.race([this.#flush(), end]);
    clearTimeout(deadline);
    await closeRedis(this.#redis, deadlineMs);
  }

  #flushAfter(delayMs: number): void {
    this.#timer ??= setTimeout(() => void this.#flush(), delayMs).unref();
  }

  /** One batch at a time: what a reporter sends arrives in the order of its sequence. */
  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#canSend()) return this.#flushing ?? Promise.resolve();
    this.#flushing ??= this.#sendAll();
    return this.#flushing;
  }

  #canSend(): boolean {
    return this.#buffer.length > 0 && this.#redis.status === 'ready';
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#canSend()) await this.#sendBatch();
    } catch (thrown) {
      this.#options.onError?.(toError(thrown));
      if (!this.#closed) setTimeout(() => void this.#flush(), RETRY_AFTER_MS).unref();
    } finally {
      // In the same turn as the last look at the buffer: a report after it must find nobody sending.
      this.#flushing = null;
    }
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#buffer.splice(0, MAX_BATCH);
    try {
      await this.#send(batch);
    } catch (thrown) {
      // Some of it may have arrived: the same ids go out again, and the reader drops what it has seen.
      this.#putBack(batch);
      if (!toError(thrown).message.startsWith('WRONGTYPE')) throw thrown;
      if ((await ownStream(this.#redis, [this.#stream], [])) === 1) this.#options.onMended?.([this.#stream]);
    }
  }

  #putBack(batch: Observation[]): void {
    const all = [...batch, ...this.#buffer];
    const excess = Math.max(0, all.length - this.#options.maxBuffered);
    this.#buffer = all.slice(excess);
    this.#dropped += excess;
  }

  async #send(batch: readonly Observation[]): Promise<void> {
    const now = Date.now();
    const pipeline = this.#redis.pipeline();
    for (const observation of batch)
      pipeline.xadd(this.#stream, 'MAXLEN', '~', STREAM_LENGTH, '*', ...toEntry(observation, now));
    const failed = (await pipeline.exec())?.find(([error]) => error);
    if (failed?.[0]) throw failed[0];
  }
}
