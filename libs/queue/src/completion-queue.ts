import { randomUUID } from 'node:crypto';
import { type CompletionJob, QUEUES, redisKeys, UnderstudyError } from '#libs/contracts';
import { ClockOnDemand, FleetClock, redisTimeMs } from '#libs/redis';
import { type DefaultJobOptions, QueueKeys, type Telemetry } from 'bullmq';
import { type Cancellation, JobCanceller } from './job-canceller.js';
import { jobPriorityOf } from './job-priority.js';
import { ProducerQueue } from './producer-queue.js';
import type { QueueLocation } from './queue-access.js';

/**
 * A provider that fails is no reason for BullMQ to try again: the router fails over inside one attempt. These attempts
 * are for faults of our own. The result lies under its own key, so a finished job is not kept; failed ones are, to be
 * looked at and replayed.
 */
const JOB_DEFAULTS: DefaultJobOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: { count: 1_000, age: 7 * 86_400 },
};

/** Where a job stands when it has no result. */
export type JobStanding = 'missing' | 'pending' | { failedReason: string };

export interface CompletionQueueOptions extends QueueLocation {
  telemetry?: Telemetry | undefined;
  /** How long the result of a cancelled job can be fetched, in milliseconds. Default: a day. */
  resultTtlMs?: number | undefined;
}

/** The adding side of the completion queue. */
export class CompletionQueue {
  readonly #queue: ProducerQueue;
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #clock: ClockOnDemand;
  readonly #canceller: JobCanceller;

  constructor(options: CompletionQueueOptions) {
    this.#queue = new ProducerQueue(QUEUES.completion, { ...options, jobDefaults: JOB_DEFAULTS });
    this.#keys = redisKeys(options.prefix);
    this.#clock = new ClockOnDemand(new FleetClock(() => redisTimeMs(this.#queue.redis, this.#keys.catalog)));
    this.#canceller = new JobCanceller(this.#queue, this.#keys, this.#clock, options.resultTtlMs ?? 86_400_000);
  }

  /**
   * Adds a job, to be started after `delayMs`. With a `jobId` of the caller's, a job that is waiting, under way or
   * answered already is not added again.
   * @returns the job's id
   * @throws UnderstudyError `queue_unavailable` within a second when Redis is away, `invalid_request` for an id that cannot be used
   */
  async add(
    job: CompletionJob,
    options: { jobId?: string | undefined; delayMs?: number | undefined } = {},
  ): Promise<string> {
    const { jobId, delayMs = 0 } = options;
    if (jobId !== undefined) {
      checkJobId(jobId);
      const answered = await this.#queue.run(() => this.#queue.redis.exists(this.#keys.result(jobId)));
      if (answered) return jobId;
    }
    // Deadlines count from here, by the one clock that producers and routers share.
    const timestamp = Math.round(await this.#queue.run(() => this.#clock.now()));
    const priority = jobPriorityOf(job.priority);
    return this.#queue.add(job, { jobId: jobId ?? randomUUID(), delay: delayMs, timestamp, priority });
  }

  /**
   * Ends a job by a result with the code `cancelled`: it leaves the queue, a call in flight for it is cut within a second, and
   * whoever waits for it hears at once. Cancelling it again changes nothing.
   * @returns `finished` when the job has come to an end before: its own result stands
   * @throws UnderstudyError `job_not_found`, `queue_unavailable`
   */
  cancel(jobId: string): Promise<Cancellation> {
    return this.#canceller.cancel(jobId);
  }

  /** Whether a job is still to be answered, was given up, or is not (any more) known. */
  async standing(jobId: string): Promise<JobStanding> {
    const state = await this.#queue.run((queue) => queue.getJobState(jobId));
    if (state === 'unknown' || state === 'completed') return 'missing';
    if (state !== 'failed') return 'pending';
    const reason = await this.#queue.run(() => this.#queue.redis.hget(this.#queue.jobKey(jobId), 'failedReason'));
    return { failedReason: reason ?? 'unknown reason' };
  }

  /** How many jobs are in which state: `prioritized` (waiting), `waiting` (the same, of producers that set no priority), `active`, `delayed`, `failed`, … */
  counts(): Promise<Record<string, number>> {
    return this.#queue.run((queue) => queue.getJobCounts());
  }

  /** Lets go of the connection. */
  close(): Promise<void> {
    return this.#queue.close();
  }
}

/** BullMQ keeps its own data beside the jobs, in keys that end with these words: a job called `delayed` would break the queue. */
const RESERVED_IDS = Object.keys(new QueueKeys('').getKeys(''));

/** BullMQ makes keys of ids (no colon), and takes a number for one of its own. */
function checkJobId(jobId: string): void {
  if (/^(?!\d+$)[\w.@%/-]{1,200}$/.test(jobId) && !RESERVED_IDS.includes(jobId)) return;
  throw new UnderstudyError(
    'invalid_request',
    `jobId: must be 1 to 200 letters, digits or . _ - @ % /, not a number alone, and not one of the queue's own words (${RESERVED_IDS.filter(Boolean).join(', ')})`,
    { field: 'jobId' },
  );
}
