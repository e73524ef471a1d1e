import type { Routing } from '#libs/contracts';

/** Where the client finds the queue, and what it lets through. */
export interface CompletionClientOptions {
  /** `redis://` or `rediss://`. Default: `redis://127.0.0.1:6379`. */
  redisUrl?: string;
  /** Hash tag of the installation. Default: `{understudy}`. */
  prefix?: string;
  /** Largest job that is enqueued, in bytes of JSON. Default: 4 MiB, as in the configuration's `jobs.maxRequestBytes`. */
  maxRequestBytes?: number;
}

/** What may be said about one job. */
export interface EnqueueOptions {
  /** How long an answer is of use, in milliseconds from now. Default: what the routers are configured with. */
  deadlineMs?: number;
  /** Which targets to try; default: the configured route of the model. */
  routing?: Routing;
  /** Whose job it is, for telemetry. */
  tenant?: string;
}

/** What may be said about one job that is waited for. */
export interface CompleteOptions extends EnqueueOptions {
  /** How long to wait, in milliseconds. Default: 120,000. The job's deadline is a little ahead of it, unless `deadlineMs` is given. */
  timeoutMs?: number;
  /** Ends the waiting. The job itself goes on, and its result can be fetched. */
  signal?: AbortSignal;
}
