import { type JobPayload, QUEUES, redisKeys, UnderstudyError } from '#libs/contracts';
import { ClockOnDemand, FleetClock, redisTimeMs } from '#libs/redis';
import type { DefaultJobOptions, Telemetry } from 'bullmq';
import type { NewJob } from './add-in-transaction.js';
import { idempotencyConflict, withoutRepeats } from './idempotency.js';
import { type Cancellation, JobCanceller } from './job-canceller.js';
import { identityOf, type JobIdentity } from './job-identity.js';
import { jobPriorityOf } from './job-priority.js';
import { CLAIM_JOBS, RELEASE_JOBS } from './lua/claim-jobs.js';
import { ProducerQueue } from './producer-queue.js';
import type { QueueLocation } from './queue-access.js';
import { isReservedId, RESERVED_IDS } from './reserved-ids.js';

/**
 * A provider that fails is no reason for BullMQ to try again: the router fails over inside one attempt. These attempts
 * are for faults of our own. The result lies under its own key, so a finished job is not kept; failed ones are, as
 * many as the routers are configured to keep.
 */
const JOB_DEFAULTS: DefaultJobOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  removeOnComplete: true,
};

const SCRIPTS = { understudyClaimJobs: CLAIM_JOBS, understudyReleaseJobs: RELEASE_JOBS };

/** What routers go by when nothing else is configured: a job's deadline, and how long a result can be fetched. */
const DAY_MS = 86_400_000;

/** `queued`: waits for its turn. `parked`: waits for a target, or for its time. */
export type JobActivity = 'queued' | 'parked' | 'running';

export interface CompletionQueueOptions extends QueueLocation {
  telemetry?: Telemetry | undefined;
  /** Deadline of jobs that say none, as the routers are configured, in milliseconds. Default: a day. */
  deadlineMs?: number | undefined;
  /**
   * How long results can be fetched, as the routers are configured, in milliseconds, for the memory of idempotency keys; for the result of
   * a cancelled job what the routers have announced counts more. Default: a day.
   */
  resultTtlMs?: number | undefined;
}

/** Where a job stands when it has no result. */
export type JobStanding = 'missing' | 'pending' | { failedReason: string };

/** A job to be added under an id that `identityOf` made. */
export interface JobToAdd {
  job: JobPayload;
  identity: JobIdentity;
  /** How long it waits before it may be started, in milliseconds. */
  delayMs?: number | undefined;
}

/** What became of a job that was to be added. */
export interface AddedJob {
  jobId: string;
  /** False when the job was there before: waiting, under way or answered. */
  isNew: boolean;
}

/** What became of distinct jobs: which of them are new, or which one is in the way of all. */
interface Addition {
  added: ReadonlySet<JobToAdd>;
  conflict?: JobToAdd | undefined;
}

/** The adding side of the completion queue. */
export class CompletionQueue {
  readonly #queue: ProducerQueue;
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #clock: ClockOnDemand;
  readonly #canceller: JobCanceller;
  readonly #deadlineMs: number;
  readonly #resultTtlMs: number;

  constructor(options: CompletionQueueOptions) {
    this.#queue = new ProducerQueue(QUEUES.completion, { ...options, jobDefaults: JOB_DEFAULTS, scripts: SCRIPTS });
    this.#keys = redisKeys(options.prefix);
    this.#deadlineMs = options.deadlineMs ?? DAY_MS;
    this.#resultTtlMs = options.resultTtlMs ?? DAY_MS;
    this.#clock = new ClockOnDemand(new FleetClock(() => redisTimeMs(this.#queue.redis, this.#keys.catalog)));
    this.#canceller = new JobCanceller(this.#queue, this.#keys, this.#clock, this.#resultTtlMs);
  }

  /**
   * Adds one job, to be started after `delayMs`. With an idempotency key or a `jobId` of the caller's, a job that is waiting, under
   * way or answered already is not added again.
   * @returns the job's id
   * @throws UnderstudyError what `addAll` throws; `invalid_request` for an id that cannot be used
   */
  async add(
    job: JobPayload,
    { jobId, delayMs }: { jobId?: string | undefined; delayMs?: number | undefined } = {},
  ): Promise<string> {
    if (jobId !== undefined) checkJobId(jobId);
    const identity = jobId === undefined ? identityOf(job) : { jobId, isShared: true, fingerprint: undefined };
    await this.addAll([{ job, identity, delayMs }], () => 'idempotencyKey');
    return identity.jobId;
  }

  /**
   * Adds jobs in one round trip and one transaction: all of them, or none. What is there already stays as it is; a job whose result
   * has expired is begun anew.
   * @param fieldOf how the caller knows the idempotency key of the i-th job
   * @returns what became of each, in their order
   * @throws UnderstudyError `idempotency_conflict` when a key stands for another request; `queue_unavailable` within a second when
   *   Redis is away
   */
  async addAll(jobs: readonly JobToAdd[], fieldOf: (index: number) => string): Promise<AddedJob[]> {
    const distinct = withoutRepeats(jobs, fieldOf);
    // Deadlines count from here, by the one clock that producers and routers share.
    const timestamp = Math.round(await this.#queue.run(() => this.#clock.now()));
    const needsClaim = distinct.some(({ identity }) => identity.isShared);
    const news = needsClaim ? await this.#addClaimed(distinct, timestamp) : await this.#addNew(distinct, timestamp);
    const conflict = news.conflict && jobs.indexOf(news.conflict);
    if (conflict !== undefined) throw idempotencyConflict((jobs[conflict] as JobToAdd).job, fieldOf(conflict));
    return jobs.map((job) => ({ jobId: job.identity.jobId, isNew: news.added.has(job) }));
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

  /** What a job that has no result yet is doing; null when it is doing nothing any more, or is not known. */
  async activity(jobId: string): Promise<JobActivity | null> {
    const state = await this.#queue.run((queue) => queue.getJobState(jobId));
    if (state === 'active') return 'running';
    if (state === 'delayed') return 'parked';
    return state === 'waiting' || state === 'prioritized' ? 'queued' : null;
  }

  /**
   * The time of Redis, epoch milliseconds.
   * @throws UnderstudyError `queue_unavailable`
   */
  timeMs(): Promise<number> {
    return this.#queue.run(() => redisTimeMs(this.#queue.redis, this.#keys.catalog));
  }

  /** How many jobs are in which state: `prioritized` (waiting), `waiting` (the same, of producers that set no priority), `active`, `delayed`, `failed`, … */
  counts(): Promise<Record<string, number>> {
    return this.#queue.run((queue) => queue.getJobCounts());
  }

  /** How many jobs wait, whatever for: their turn, their time, or a target. */
  async countWaiting(): Promise<number> {
    const counts = await this.#queue.run((queue) => queue.getJobCounts('waiting', 'prioritized', 'delayed'));
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  /** How many of these ids are known: jobs that are there, or results that are. */
  async countKnown(jobIds: readonly string[]): Promise<number> {
    const known = await this.#queue.run(() =>
      Promise.all(jobIds.map((id) => this.#queue.redis.exists(this.#queue.jobKey(id), this.#keys.result(id)))),
    );
    return known.filter((count) => count > 0).length;
  }

  /** Lets go of the connection. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Nobody else can have these ids: there is nothing to compare. */
  async #addNew(jobs: readonly JobToAdd[], timestamp: number): Promise<Addition> {
    const news = jobs.map((job) => toNewJob(job, timestamp));
    const [first] = news;
    if (first && news.length === 1) await this.#queue.add(first.data, { jobId: first.jobId, ...first.options });
    else if (first) await this.#queue.addTogether(news);
    return { added: new Set(jobs) };
  }

  async #addClaimed(jobs: readonly JobToAdd[], timestamp: number): Promise<Addition> {
    const ids = jobs.map(({ identity }) => identity.jobId);
    const claim = {
      name: 'understudyClaimJobs',
      keys: [
        this.#keys.bull(QUEUES.completion, 'failed'),
        this.#keys.cancelled,
        ...ids.flatMap((id) => this.#keysOf(id)),
      ],
      args: jobs.flatMap(({ identity, job }) => [identity.jobId, identity.fingerprint ?? '', this.#keyTtlMs(job)]),
    };
    const release = { name: 'understudyReleaseJobs', keys: ids.map((id) => this.#queue.jobKey(id)) };
    const news = jobs.map((job) => toNewJob(job, timestamp));
    const answer = await this.#queue.addTogether(news, { before: claim, after: release });
    const [conflict = 0, ...isNew] = answer as number[];
    return { added: new Set(jobs.filter((_, i) => isNew[i] === 1)), conflict: jobs[conflict - 1] };
  }

  #keysOf(id: string): string[] {
    return [this.#keys.fingerprint(id), this.#keys.result(id), this.#queue.jobKey(id), this.#keys.chunks(id)];
  }

  /** As long as the job or its result may still be there. */
  #keyTtlMs({ deadlineMs = this.#deadlineMs }: JobPayload): number {
    return deadlineMs + this.#resultTtlMs;
  }
}

const toNewJob = ({ job, identity, delayMs = 0 }: JobToAdd, timestamp: number): NewJob => ({
  jobId: identity.jobId,
  data: job,
  options: { delay: delayMs, timestamp, priority: jobPriorityOf(job.priority) },
});

/** BullMQ makes keys of ids (no colon), and takes a number for one of its own; a job called `delayed` would break the queue. */
function checkJobId(jobId: string): void {
  if (/^(?!\d+$)[\w.@%/-]{1,200}$/.test(jobId) && !isReservedId(jobId)) return;
  throw new UnderstudyError(
    'invalid_request',
    `jobId: must be 1 to 200 letters, digits or . _ - @ % /, not a number alone, and not one of the queue's own words (${RESERVED_IDS.filter(Boolean).join(', ')})`,
    { field: 'jobId' },
  );
}
