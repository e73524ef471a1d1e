import { type Attempt, type JobOutcome, QUEUES, redisKeys, UnderstudyError } from '#libs/contracts';
import { LETTER_FIELDS, toDeadLetter } from './dead-letter.js';
import { type CallInFlight, readProgress } from './job-progress.js';
import { ProducerQueue } from './producer-queue.js';
import type { QueueLocation } from './queue-access.js';
import { ResultStore } from './result-store.js';
import { readJson } from './read-json.js';

/** All that is known of one job but what was asked. Times are epoch milliseconds. */
export interface JobReport {
  id: string;
  /** The words of the client and the gateway: `completed`, `failed` and `cancelled` are final; `queued`, `parked` (put off, too) and `running` are not. */
  state: 'queued' | 'parked' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** Null where only the result is left. */
  model: string | null;
  tenant: string | null;
  idempotencyKey: string | null;
  enqueuedAt: number | null;
  /** How often work on it has begun; null where only the result is left. */
  runs: number | null;
  /** What it waits for, if it is parked. */
  parkedIn: string | null;
  /** The call that is being made now, as far as was written down. */
  inFlight: CallInFlight | null;
  attempts: Attempt[];
  /** Null while there is none, and again after its time is over. */
  outcome: JobOutcome | null;
  /** Of a failed job. */
  reason: string | null;
}

/** Answers what has become of a job. */
export class JobInspector {
  readonly #queue: ProducerQueue;
  readonly #results: ResultStore;
  readonly #keys: ReturnType<typeof redisKeys>;

  constructor(location: QueueLocation) {
    this.#queue = new ProducerQueue(QUEUES.completion, { ...location, jobDefaults: {} });
    this.#results = new ResultStore({ ...location, connection: this.#queue.redis, ttlMs: 0 });
    this.#keys = redisKeys(location.prefix);
  }

  /** @throws UnderstudyError `job_not_found` when neither the job nor its result is there; `queue_unavailable` */
  async inspect(id: string): Promise<JobReport> {
    const key = this.#keys.bull(QUEUES.completion, id);
    const [fields, stateInQueue] = await this.#queue.run((queue) =>
      Promise.all([this.#queue.redis.hmget(key, ...LETTER_FIELDS), queue.getJobState(id)]),
    );
    // After the job: one that ended in between is found here.
    const outcome = await this.#results.get(id);
    const job = toDeadLetter(id, fields);
    if (!job && !outcome)
      throw new UnderstudyError('job_not_found', `There is no job ${id}, and no result of it`, { jobId: id });
    const progress = readProgress(readJson(fields[1] ?? null), job?.enqueuedAt ?? 0);
    const state = outcome ? finalState(outcome) : nameState(stateInQueue);
    return {
      id,
      state,
      model: job?.model ?? null,
      tenant: job?.tenant ?? null,
      idempotencyKey: job?.idempotencyKey ?? null,
      enqueuedAt: job?.enqueuedAt ?? null,
      runs: job?.runs ?? null,
      parkedIn: (state === 'parked' && progress.parked?.group) || null,
      inFlight: (state === 'running' && progress.inFlight) || null,
      attempts: attemptsOf(outcome) ?? progress.attempts,
      outcome,
      reason: reasonOf(outcome) ?? (state === 'failed' ? (job?.reason ?? null) : null),
    };
  }

  /** Lets go of the connection, unless it was lent. */
  close(): Promise<void> {
    return this.#queue.close();
  }
}

function finalState(outcome: JobOutcome): JobReport['state'] {
  if (outcome.status === 'completed') return 'completed';
  return outcome.error.code === 'cancelled' ? 'cancelled' : 'failed';
}

/** BullMQ tells waiting jobs with and without a priority apart. */
function nameState(state: string): JobReport['state'] {
  if (state === 'active') return 'running';
  if (state === 'delayed') return 'parked';
  return state === 'failed' ? 'failed' : 'queued';
}

function attemptsOf(outcome: JobOutcome | null): Attempt[] | undefined {
  return outcome?.status === 'completed' ? outcome.result.understudy.attempts : outcome?.error.attempts;
}

const reasonOf = (outcome: JobOutcome | null) => (outcome?.status === 'failed' ? outcome.error.message : undefined);
