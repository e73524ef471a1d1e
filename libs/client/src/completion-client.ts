import { randomUUID } from 'node:crypto';
import {
  type CompletionRequest,
  type CompletionResult,
  DEFAULT_PREFIX,
  type JobOutcome,
  UnderstudyError,
} from '#libs/contracts';
import { ChunkReader, CompletionQueue, ModelCatalog, QueueTelemetry, ReplyChannel, ResultStore } from '#libs/queue';
import { closeRedis, connectRedis, type Redis, redisAddress } from '#libs/redis';
import { checkJob, DEFAULT_MAX_REQUEST_BYTES } from './check-job.js';
import type { CompleteOptions, CompletionClientOptions, EnqueueOptions } from './completion-options.js';
import { KnownModels } from './known-models.js';
import { readStream } from './read-stream.js';
import type { StreamEvent, StreamOptions } from './stream-events.js';

const DEFAULT_REDIS_URL = 'redis://127.0.0.1:6379';
const DEFAULT_TIMEOUT_MS = 120_000;

/**
 * The way in for other services: hand in an OpenAI chat-completions body, get the answer of whichever target could give
 * one. Every error is an `UnderstudyError`; while Redis is away calls fail within a second, and work again when it is back.
 */
export class CompletionClient {
  readonly #redis: Redis;
  readonly #queue: CompletionQueue;
  readonly #results: ResultStore;
  readonly #replies: ReplyChannel;
  readonly #chunks: ChunkReader;
  readonly #catalog: ModelCatalog;
  readonly #models: KnownModels;
  readonly #maxRequestBytes: number;

  constructor(options: CompletionClientOptions = {}) {
    const { redisUrl = DEFAULT_REDIS_URL, prefix = DEFAULT_PREFIX } = options;
    this.#maxRequestBytes = options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES;
    this.#redis = connectRedis({ url: redisUrl, name: 'client', patience: 'fail-fast' });
    const location = { redisUrl, prefix, connection: this.#redis };
    this.#queue = new CompletionQueue({
      ...location,
      telemetry: new QueueTelemetry({ server: redisAddress(redisUrl) }),
    });
    this.#results = new ResultStore({ ...location, ttlMs: 0 });
    this.#replies = new ReplyChannel(location);
    this.#chunks = new ChunkReader(location);
    this.#catalog = new ModelCatalog(location);
    this.#models = new KnownModels(this.#catalog);
  }

  /**
   * Enqueues a job and waits for its answer.
   * @throws UnderstudyError the job's own error; `result_timeout` when there is no answer in time (it carries the job's
   *   id: the result can still be fetched); what `enqueue` throws
   * @throws the signal's reason when `options.signal` is aborted
   */
  async complete(request: CompletionRequest, options: CompleteOptions = {}): Promise<CompletionResult> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    signal?.throwIfAborted();
    checkDuration('timeoutMs', timeoutMs);
    const deadlineMs = options.deadlineMs ?? deadlineWithin(timeoutMs);
    const job = checkJob(request, { ...options, deadlineMs }, this.#replies.address, this.#maxRequestBytes);
    await this.#models.check(job.request.model);
    const jobId = randomUUID();
    // Waiting begins before the job is there, so that not even the fastest answer is missed.
    const giveUp = new AbortController();
    const outcome = this.#replies.waitFor(jobId, {
      timeoutMs,
      signal: signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal,
    });
    // Looked at below, but it may be rejected before that.
    outcome.catch(() => undefined);
    try {
      await this.#queue.add(job, { jobId });
    } catch (error) {
      giveUp.abort();
      throw error;
    }
    const result = resultOf(await outcome) ?? (await this.result(jobId));
    if (result) return result;
    throw new UnderstudyError(
      'result_timeout',
      deadlineMs > timeoutMs
        ? `No answer within ${timeoutMs} ms; job ${jobId} may still be answered`
        : `No answer within ${timeoutMs} ms; the deadline of job ${jobId} has passed too`,
      {
        jobId,
        retryable: true,
      },
    );
  }

  /**
   * Enqueues a job and returns its id, with which the result can be fetched from any process.
   * @throws UnderstudyError `invalid_request` (names the field), `payload_too_large`, `unknown_model` (lists the known
   *   ones), `queue_unavailable`
   */
  async enqueue(request: CompletionRequest, options: EnqueueOptions = {}): Promise<string> {
    const job = checkJob(request, options, undefined, this.#maxRequestBytes);
    await this.#models.check(job.request.model);
    return this.#queue.add(job);
  }

  /**
   * The result of a job; null when it is not finished after `waitMs`.
   * @throws UnderstudyError the job's own error when it failed; `job_not_found` when neither the job nor its result is
   *   there (never was, or its time is over); `queue_unavailable`
   */
  async result(
    jobId: string,
    { waitMs = 0, signal }: { waitMs?: number; signal?: AbortSignal } = {},
  ): Promise<CompletionResult | null> {
    const result = await this.#finished(jobId);
    if (result || waitMs <= 0) return result;
    return resultOf(await this.#replies.waitFor(jobId, { timeoutMs: waitMs, signal })) ?? this.#finished(jobId);
  }

  /**
   * Hands in a job, or takes one by its id, and tells what its answer says while it is made; at last the whole answer. Begins with
   * the first step of the loop. Leaving the loop early, or aborting the signal, cancels a job that was handed in here, unless `keep` is
   * set. A job that was enqueued without chunks gives its answer at the end. A stream that is read late begins with the attempt that
   * counts.
   * @throws UnderstudyError the job's own error; `result_timeout`; what `enqueue` or `result` throws
   * @throws the signal's reason when `options.signal` is aborted
   */
  stream(idOrRequest: string | CompletionRequest, options: StreamOptions = {}): AsyncIterableIterator<StreamEvent> {
    return typeof idOrRequest === 'string' ? this.#follow(idOrRequest, options) : this.#ask(idOrRequest, options);
  }

  /** Names of the models that can be asked for; empty as long as no router has announced any. */
  async models(): Promise<string[]> {
    return (await this.#catalog.read()) ?? [];
  }

  /** Ends every wait and lets go of the connections. */
  async close(): Promise<void> {
    await Promise.all([this.#replies.close(), this.#chunks.close()]);
    await this.#queue.close();
    await closeRedis(this.#redis);
  }

  async *#ask(request: CompletionRequest, options: StreamOptions): AsyncGenerator<StreamEvent, undefined> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, keep = false, chunks = true, signal } = options;
    signal?.throwIfAborted();
    checkDuration('timeoutMs', timeoutMs);
    const deadlineMs = options.deadlineMs ?? deadlineWithin(timeoutMs);
    const { stream: _, stream_options: __, ...body } = request;
    const job = checkJob(body, { ...options, deadlineMs }, this.#replies.address, this.#maxRequestBytes);
    await this.#models.check(job.request.model);
    const jobId = await this.#queue.add({ ...job, ...(chunks && { streaming: true }) });
    let isOver = false;
    try {
      yield { type: 'enqueued', jobId };
      yield* this.#read(jobId, { timeoutMs, expectsChunks: chunks, signal });
      isOver = true;
    } catch (error) {
      // The job has failed, or its result was not waited for any longer; only who leaves takes it back.
      isOver = error instanceof UnderstudyError;
      throw error;
    } finally {
      if (!isOver && !keep) void this.#queue.cancel(jobId).catch(() => undefined);
    }
  }

  async *#follow(
    jobId: string,
    { timeoutMs = Infinity, signal }: StreamOptions,
  ): AsyncGenerator<StreamEvent, undefined> {
    signal?.throwIfAborted();
    if (timeoutMs !== Infinity) checkDuration('timeoutMs', timeoutMs);
    // Throws when there is no such job.
    await this.#finished(jobId).catch((error: unknown) => {
      if (!(error instanceof UnderstudyError) || error.code !== 'queue_unavailable') throw error;
    });
    yield* this.#read(jobId, { timeoutMs, expectsChunks: false, signal });
  }

  async *#read(
    jobId: string,
    options: { timeoutMs: number; expectsChunks: boolean; signal: AbortSignal | undefined },
  ): AsyncGenerator<StreamEvent, undefined> {
    const { timeoutMs, expectsChunks } = options;
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    const outcome = this.#replies.waitFor(jobId, { timeoutMs, signal });
    try {
      let isComplete = false;
      const look = () => this.#finished(jobId);
      for await (const event of readStream(jobId, { chunks: this.#chunks, outcome, look, expectsChunks, signal })) {
        isComplete = event.type === 'completed';
        yield event;
      }
      if (!isComplete)
        throw new UnderstudyError(
          'result_timeout',
          `No answer within ${timeoutMs} ms; job ${jobId} may still be answered`,
          {
            jobId,
            retryable: true,
          },
        );
    } finally {
      left.abort();
    }
  }

  async #finished(jobId: string): Promise<CompletionResult | null> {
    const outcome = await this.#results.get(jobId);
    if (outcome) return resultOf(outcome);
    const standing = await this.#queue.standing(jobId);
    if (standing === 'pending') return null;
    // It may have been finished between the two looks.
    const late = await this.#results.get(jobId);
    if (late) return resultOf(late);
    if (standing === 'missing')
      throw new UnderstudyError('job_not_found', `There is no job ${jobId}, and no result of it`, { jobId });
    throw new UnderstudyError('internal_error', `Job ${jobId} was given up: ${standing.failedReason}`, { jobId });
  }
}

/** Ahead of the end of waiting, so that whoever waits hears why the job had no answer. */
const deadlineWithin = (timeoutMs: number) => Math.ceil(timeoutMs - Math.min(1_000, timeoutMs / 10));

function checkDuration(field: string, ms: number): void {
  if (Number.isSafeInteger(ms) && ms > 0) return;
  throw new UnderstudyError('invalid_request', `${field}: must be a whole number of milliseconds above 0, not ${ms}`, {
    field,
  });
}

function resultOf(outcome: JobOutcome | null): CompletionResult | null {
  if (outcome?.status === 'failed') throw UnderstudyError.fromJSON(outcome.error);
  return outcome?.result ?? null;
}
