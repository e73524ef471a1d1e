import { randomUUID } from 'node:crypto';
import { type JobOutcome, jobOutcomeSchema, QUEUES, redisKeys, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis, redisScript, untilTaken } from '#libs/redis';
import { COMMIT_RESULT } from './lua/commit-result.js';
import { type QueueLocation, withRedis } from './queue-access.js';

const commitResult = redisScript(COMMIT_RESULT);

export interface ResultStoreOptions extends QueueLocation {
  /** How long a result can be fetched, in milliseconds. */
  ttlMs: number;
  /**
   * `patient` (default): a commit waits until Redis is back, and can take it, since the answer is paid for. `fail-fast`: rejected at once.
   * Without effect on a lent connection, which has a patience of its own.
   */
  patience?: 'patient' | 'fail-fast' | undefined;
}

/**
 * What became of a commit. `duplicate`: another result was there and stands. `superseded`: a later run of the job has begun, and
 * has the word now.
 */
export type CommitOutcome = 'committed' | 'duplicate' | 'superseded';

/** The one final word on each job. */
export class ResultStore {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #closed = new AbortController();

  constructor(private readonly options: ResultStoreOptions) {
    const { redisUrl: url, patience = 'patient' } = options;
    this.#redis = options.connection ?? connectRedis({ url, name: 'results', patience });
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Stores the outcome of a job and tells the process that waits for it. The first writer wins; what is not `committed` is to be
   * discarded.
   * @param run number of the run that commits (`attemptsStarted`): one that was overtaken by a later run is refused
   */
  async commit(jobId: string, outcome: JobOutcome, replyTo = '', run?: number): Promise<CommitOutcome> {
    const { result, bull } = this.#keys;
    // The token makes this value unlike any other, so that a commit which was resent after a broken connection
    // recognizes its own first arrival.
    const value = JSON.stringify({ commit: randomUUID(), ...outcome });
    const keys = [result(jobId), bull(QUEUES.completion, jobId)];
    const answer = await this.#run(() =>
      commitResult(this.#redis, keys, [value, this.options.ttlMs, jobId, replyTo, run ?? '']),
    );
    return answer as CommitOutcome;
  }

  /** The outcome of a job; null while there is none, and again after its time is over. */
  async get(jobId: string): Promise<JobOutcome | null> {
    const [outcome] = await this.getMany([jobId]);
    return outcome ?? null;
  }

  /** The outcomes of several jobs, in their order. */
  async getMany(jobIds: string[]): Promise<(JobOutcome | null)[]> {
    if (jobIds.length === 0) return [];
    const keys = jobIds.map((id) => this.#keys.result(id));
    const texts = await this.#run(() => this.#redis.mget(keys));
    return texts.map((text, i) => (text === null ? null : parseOutcome(text, jobIds[i] as string)));
  }

  /** Lets go of the connection, unless it was lent. */
  async close(): Promise<void> {
    this.#closed.abort();
    if (!this.options.connection) await closeRedis(this.#redis);
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    const patient = !this.options.connection && this.options.patience !== 'fail-fast';
    return patient ? untilTaken(work, this.#closed.signal) : withRedis(this.options.redisUrl, this.#redis, work);
  }
}

/** A result that cannot be read is the job's final word all the same: it is told, not waited for. */
function parseOutcome(text: string, jobId: string): JobOutcome {
  try {
    return jobOutcomeSchema.parse(JSON.parse(text));
  } catch {
    const error = new UnderstudyError('internal_error', `The stored result of job ${jobId} cannot be read`, { jobId });
    return { status: 'failed', error: error.toJSON() };
  }
}
