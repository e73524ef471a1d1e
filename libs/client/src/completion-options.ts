import type { CompletionRequest, EmbeddingsRequest, Priority, Routing } from '#libs/contracts';

/** Where the client finds the queue, and what it lets through. */
export interface CompletionClientOptions {
  /** A server, a cluster or Sentinels, with or without TLS: `redis://`, `redis+cluster://`, `redis+sentinel://`, `rediss…`. Default: `redis://127.0.0.1:6379`. */
  redisUrl?: string;
  /** Hash tag of the installation. Default: `{understudy}`. */
  prefix?: string;
  /** Largest request that is enqueued, in bytes of its JSON; options do not count. Default: 4 MiB, as in the configuration's `jobs.maxRequestBytes`. */
  maxRequestBytes?: number;
  /**
   * As many jobs may wait; more are refused with `queue_full`. Approximate: the count is up to half a second old, and other
   * producers add meanwhile. Default: 1,000,000, as in the configuration's `jobs.maxWaiting`; `Infinity` for no limit.
   */
  maxWaiting?: number;
  /**
   * Deadline of jobs that say none, in milliseconds, as the routers are configured (`jobs.deadlineMs`). Default: a day. With
   * `resultTtlMs` it says for how long an idempotency key is remembered.
   */
  defaultDeadlineMs?: number;
  /**
   * How long results can be fetched, in milliseconds, as the routers are configured (`jobs.resultTtlMs`). The results of jobs that are
   * cancelled here are kept for as long as the routers say, once one has been there. Default: a day.
   */
  resultTtlMs?: number;
}

/** What may be said about one job. */
export interface EnqueueOptions {
  /** What it asks for; `EmbeddingsOptions` for embeddings. Default: `chat`. */
  operation?: 'chat';
  /** How long an answer is of use, in milliseconds from now. Default: what the routers are configured with. */
  deadlineMs?: number;
  /** How urgent it is among waiting jobs. Default: `normal`. */
  priority?: Priority;
  /**
   * Your own name for this piece of work, such as an order's id; per tenant. The same key and request are the same job: enqueued once,
   * answered once, the same id and the same result (or failure) for whoever asks, until the result expires; then it is begun anew. The
   * same key with another request is refused with `idempotency_conflict`. Deadline and priority are those of the first call.
   */
  idempotencyKey?: string;
  /** Whether what the answer says is published while it is made, for `stream(id)`. Default: false. */
  streaming?: boolean;
  /** Which targets to try; default: the configured route of the model. */
  routing?: Routing;
  /** Whose job it is, for telemetry. */
  tenant?: string;
}

/** What may be said about one job for embeddings, which come in one piece. */
export interface EmbeddingsOptions extends Omit<EnqueueOptions, 'operation' | 'streaming'> {
  operation: 'embeddings';
}

/** One of many jobs: its OpenAI body, and what may be said about it. */
export type JobRequest =
  | (EnqueueOptions & { request: CompletionRequest })
  | (EmbeddingsOptions & { request: EmbeddingsRequest });

/** What may be said about one job that is waited for. */
export interface CompleteOptions extends EnqueueOptions {
  /** How long to wait, in milliseconds. Default: 120,000. The job's deadline is a little ahead of it, unless `deadlineMs` is given. */
  timeoutMs?: number;
  /** Ends the waiting. The job itself goes on, and its result can be fetched, unless `cancelOnAbort` is set. */
  signal?: AbortSignal;
  /** Whether the end of waiting by `signal` cancels the job; not one that somebody else had enqueued with the same key. Default: false. */
  cancelOnAbort?: boolean;
}

/** What may be said about embeddings that are waited for. */
export type EmbedOptions = Omit<CompleteOptions, 'operation' | 'streaming'>;

/** How to wait for the result of a job. */
export interface ResultOptions {
  /** How long to wait for a job that is not finished, in milliseconds. Default: 0, which only looks. */
  waitMs?: number;
  /** Ends the waiting. */
  signal?: AbortSignal;
}
