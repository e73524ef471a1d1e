import {
  type CompletionRequest,
  type CompletionResult,
  DEFAULT_PREFIX,
  type EmbeddingsRequest,
  type EmbeddingsResult,
  type JobResult,
} from '#libs/contracts';
import {
  type Cancellation,
  ChunkReader,
  CompletionQueue,
  ModelCatalog,
  QueueTelemetry,
  ReplyChannel,
  ResultStore,
} from '#libs/queue/producer';
import { closeRedis, connectRedis, type Redis, redisAddress } from '#libs/redis';
import { Admission } from './admission.js';
import { DEFAULT_MAX_REQUEST_BYTES } from './check-job.js';
import { checkClientOptions, checkCompleteOptions, checkResultOptions } from './check-options.js';
import type {
  CompleteOptions,
  CompletionClientOptions,
  EmbeddingsOptions,
  EmbedOptions,
  EnqueueOptions,
  JobRequest,
  ResultOptions,
} from './completion-options.js';
import { JobIntake } from './job-intake.js';
import { deadlineWithin, JobResults, resultOf, resultTimeout, type JobState } from './job-results.js';
import { JobStreams } from './job-streams.js';
import { KnownModels } from './known-models.js';
import { OpenState } from './open-state.js';
import type { StreamEvent, StreamOptions } from './stream-events.js';

const DEFAULT_REDIS_URL = 'redis://127.0.0.1:6379';
const DEFAULT_TIMEOUT_MS = 120_000;
const DEFAULT_MAX_WAITING = 1_000_000;

/**
 * The way in for other services: hand in an OpenAI body for a chat completion or for embeddings, get the answer of whichever
 * target could give one. Every error is an `UnderstudyError`; while Redis is away calls fail within a second, and work again when it
 * is back. Once it is closed, every call fails with `client_closed`.
 */
export class CompletionClient {
  readonly #redis: Redis;
  readonly #queue: CompletionQueue;
  readonly #intake: JobIntake;
  readonly #results: JobResults;
  readonly #replies: ReplyChannel;
  readonly #chunks: ChunkReader;
  readonly #streams: JobStreams;
  readonly #catalog: ModelCatalog;
  readonly #open = new OpenState();

  /** @throws UnderstudyError `invalid_request` with the name of a wrong option */
  constructor(options: CompletionClientOptions = {}) {
    const { redisUrl = DEFAULT_REDIS_URL, prefix = DEFAULT_PREFIX, ...limits } = checkClientOptions(options);
    const { maxRequestBytes = DEFAULT_MAX_REQUEST_BYTES, maxWaiting = DEFAULT_MAX_WAITING } = limits;
    const { defaultDeadlineMs: deadlineMs, resultTtlMs } = limits;
    this.#redis = connectRedis({ url: redisUrl, name: 'client', patience: 'fail-fast' });
    const location = { redisUrl, prefix, connection: this.#redis };
    const telemetry = new QueueTelemetry({ server: redisAddress(redisUrl) });
    this.#catalog = new ModelCatalog(location);
    const queue = new CompletionQueue({ ...location, telemetry, deadlineMs, resultTtlMs });
    const models = new KnownModels(this.#catalog);
    const intake = new JobIntake(queue, models, new Admission(queue, maxWaiting), maxRequestBytes);
    const results = new JobResults(new ResultStore({ ...location, ttlMs: 0 }), queue);
    const replies = new ReplyChannel(location);
    const chunks = new ChunkReader(location);
    this.#queue = queue;
    this.#intake = intake;
    this.#results = results;
    this.#replies = replies;
    this.#chunks = chunks;
    this.#streams = new JobStreams({ intake, queue, results, replies, chunks, open: this.#open });
  }

  /**
   * Enqueues a job and waits for its answer.
   * @throws UnderstudyError the job's own error; `result_timeout` when there is no answer in time (it carries the job's
   *   id: the result can still be fetched); what `enqueue` throws
   * @throws the signal's reason when `options.signal` is aborted
   */
  async complete(request: CompletionRequest, options: CompleteOptions = {}): Promise<CompletionResult> {
    return (await this.#ask(request, options)) as CompletionResult;
  }

  /**
   * Enqueues a job for embeddings and waits for its vectors: one for each input, in the encoding that was asked for.
   * @throws as `complete`
   */
  async embed(request: EmbeddingsRequest, options: EmbedOptions = {}): Promise<EmbeddingsResult> {
    return (await this.#ask(request, { ...options, operation: 'embeddings' })) as EmbeddingsResult;
  }

  async #ask(
    request: unknown,
    options: CompleteOptions | (EmbedOptions & { operation: 'embeddings' }),
  ): Promise<JobResult> {
    this.#open.assert();
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, cancelOnAbort, job: wishes } = checkCompleteOptions(options);
    signal?.throwIfAborted();
    const deadlineMs = wishes.deadlineMs ?? deadlineWithin(timeoutMs);
    const own = { replyTo: this.#replies.address };
    const job = await this.#intake.prepare(request, { ...wishes, deadlineMs }, own);
    const { jobId } = job.identity;
    // Waiting begins before the job is there, so that not even the fastest answer is missed.
    const giveUp = new AbortController();
    const outcome = this.#replies.waitFor(jobId, {
      timeoutMs,
      signal: signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal,
    });
    // Looked at below, but it may be rejected before that.
    outcome.catch(() => undefined);
    let isNew: boolean;
    try {
      isNew = await this.#intake.add(job);
    } catch (error) {
      giveUp.abort();
      throw error;
    }
    try {
      const settled = await outcome;
      if (!settled) this.#open.assert(jobId);
      const result = resultOf(settled) ?? (await this.#results.look(jobId));
      if (result) return result;
    } catch (error) {
      // Not awaited: who hung up does not wait for it, and a job that is not reached ends at its deadline.
      if (cancelOnAbort && isNew && signal?.aborted) this.cancel(jobId).catch(() => undefined);
      throw error;
    }
    throw resultTimeout(jobId, timeoutMs, { deadlineMs, hint: await this.#catalog.explainSilence() });
  }

  /**
   * Enqueues a job and returns its id, with which the result can be fetched from any process. For embeddings say so:
   * `{ operation: 'embeddings' }`.
   * @throws UnderstudyError `invalid_request` (names the field), `payload_too_large`, `unknown_model` (lists the known
   *   ones), `idempotency_conflict`, `queue_full`, `queue_unavailable`
   */
  async enqueue(request: CompletionRequest, options?: EnqueueOptions): Promise<string>;
  async enqueue(request: EmbeddingsRequest, options: EmbeddingsOptions): Promise<string>;
  async enqueue(
    request: CompletionRequest | EmbeddingsRequest,
    options: EnqueueOptions | EmbeddingsOptions = {},
  ): Promise<string> {
    this.#open.assert();
    const job = await this.#intake.prepare(request, options);
    await this.#intake.add(job);
    return job.identity.jobId;
  }

  /**
   * Enqueues up to 10,000 jobs in one round trip: all of them, or none when one is wrong or anything fails.
   * @returns their ids, in their order; the same id twice for an idempotency key that is in the list twice
   * @throws UnderstudyError what `enqueue` throws, with the place in the list: `[3].messages[0].role`
   */
  async enqueueMany(jobs: readonly JobRequest[]): Promise<string[]> {
    this.#open.assert();
    const added = await this.#intake.addMany(await this.#intake.prepareMany(jobs));
    return added.map(({ jobId }) => jobId);
  }

  /**
   * The result of a job; null when it is not finished after `waitMs`. Whoever fetches embeddings names their type:
   * `result<EmbeddingsResult>(id)`.
   * @throws UnderstudyError the job's own error when it failed; `job_not_found` when neither the job nor its result is
   *   there (never was, or its time is over); `queue_unavailable`
   * @throws the signal's reason when `signal` is aborted
   */
  async result<R extends JobResult = CompletionResult>(jobId: string, options: ResultOptions = {}): Promise<R | null> {
    this.#open.assert();
    const { waitMs = 0, signal } = checkResultOptions(jobId, options);
    signal?.throwIfAborted();
    const result = await this.#results.look(jobId);
    if (result || waitMs === 0) return result as R | null;
    const outcome = await this.#replies.waitFor(jobId, { timeoutMs: waitMs, signal });
    if (!outcome) this.#open.assert(jobId);
    return (resultOf(outcome) ?? (await this.#results.look(jobId))) as R | null;
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
    return typeof idOrRequest === 'string'
      ? this.#streams.follow(idOrRequest, options)
      : this.#streams.ask(idOrRequest, options);
  }

  /**
   * Ends a job, wherever it is: it leaves the queue, or a call that is under way for it is cut within a second. Whoever waits for it
   * gets the error `cancelled`.
   * @returns `finished` when it had come to an end before: its own result stands
   * @throws UnderstudyError `job_not_found`, `queue_unavailable`
   */
  async cancel(jobId: string): Promise<Cancellation> {
    this.#open.assert();
    checkResultOptions(jobId, {});
    return this.#queue.cancel(jobId);
  }

  /**
   * Where a job stands, without its result.
   * @throws UnderstudyError `job_not_found`, `queue_unavailable`
   */
  async state(jobId: string): Promise<JobState> {
    this.#open.assert();
    checkResultOptions(jobId, {});
    return this.#results.state(jobId);
  }

  /** Names of the models that can be asked for; empty as long as no router has announced any. */
  async models(): Promise<string[]> {
    this.#open.assert();
    return (await this.#catalog.read()) ?? [];
  }

  /** Ends every wait, with `client_closed`, and lets go of the connections. */
  async close(): Promise<void> {
    this.#open.close();
    await Promise.all([this.#replies.close(), this.#chunks.close()]);
    await this.#queue.close();
    await closeRedis(this.#redis);
  }
}
