import { countAttempts, jobPayloadSchema, QUEUES, redisKeys, UnderstudyError } from '#libs/contracts';
import { redisTimeMs } from '#libs/redis';
import {
  type DeadLetter,
  type DeadLetterFilter,
  isFiltering,
  LETTER_FIELDS,
  matches,
  toDeadLetter,
} from './dead-letter.js';
import { identityOf } from './job-identity.js';
import { endInFlight, type JobProgress, readProgress } from './job-progress.js';
import { BEGIN_REPLAY, PURGE_LETTER } from './lua/dead-letters.js';
import { ProducerQueue } from './producer-queue.js';
import type { QueueLocation } from './queue-access.js';
import { readJson } from './read-json.js';

/** Read at once: payloads may be megabytes each. */
const BATCH = 20;

/** BullMQ's codes for a job that is gone, or in another state. */
const NOT_FAILED = new Set<number | undefined>([-1, -3]);

/** How long a replayed job's idempotency key is remembered, in milliseconds: a deadline of a day and a result of a day. */
const FINGERPRINT_MS = 2 * 86_400_000;

/** What a listing shows. */
export interface DeadLetterPage {
  letters: DeadLetter[];
  /** How many match the filter, on whatever page. */
  total: number;
  /** How many are kept, whatever the filter. */
  all: number;
  /** Where the next page begins; null at the end. */
  next: number | null;
}

/**
 * Jobs that were given up. They stay as BullMQ's failed jobs, as many and for as long as the routers' configuration says
 * (`jobs.maxFailed`, `jobs.failedTtlMs`). Every method throws UnderstudyError `queue_unavailable` while Redis is away.
 */
export class DeadLetters {
  readonly #queue: ProducerQueue;
  readonly #keys: ReturnType<typeof redisKeys>;

  constructor(location: QueueLocation) {
    this.#queue = new ProducerQueue(QUEUES.completion, { ...location, jobDefaults: {} });
    this.#keys = redisKeys(location.prefix);
  }

  /** How many there are. */
  count(): Promise<number> {
    return this.#queue.run(() => this.#queue.redis.zcard(this.#failed));
  }

  /** A page of them, the newest first. With a filter all of them are looked at, so that its total is true. */
  async list({
    from = 0,
    limit = 50,
    filter = {},
  }: { from?: number; limit?: number; filter?: DeadLetterFilter } = {}): Promise<DeadLetterPage> {
    const [all, now] = await Promise.all([this.count(), this.#now()]);
    const needsAll = isFiltering(filter);
    const letters: DeadLetter[] = [];
    let [total, next]: [number, number | null] = [0, null];
    for (let at = needsAll ? 0 : from; at < all && (needsAll || next === null); at += BATCH) {
      for (const [i, letter] of (await this.#readFrom(at)).entries()) {
        if (!letter || !matches(letter, filter, now)) continue;
        total++;
        if (at + i < from) continue;
        if (letters.length < limit) letters.push(letter);
        else next ??= at + i;
      }
    }
    return { letters, total: needsAll ? total : all, all, next };
  }

  /**
   * One of them.
   * @throws UnderstudyError `job_not_found` when it is not among the failed ones
   */
  async show(id: string): Promise<DeadLetter> {
    const isFailed = await this.#queue.run(() => this.#queue.redis.zscore(this.#failed, id));
    const [letter] = isFailed === null ? [null] : await this.#read([id]);
    return letter ?? notFound(id);
  }

  /**
   * What was asked in the job: prompts and all.
   * @throws UnderstudyError `job_not_found`
   */
  async payload(id: string): Promise<unknown> {
    await this.show(id);
    const data = await this.#queue.run(() => this.#queue.redis.hget(this.#job(id), 'data'));
    return readJson(data);
  }

  /**
   * Enqueues a failed job anew, under its own id and idempotency key. Its deadline begins again; its attempts go on counting
   * and stay with it, but do not count against what it may make now.
   * @throws UnderstudyError `job_not_found` when it is not among the failed ones
   */
  async replay(id: string): Promise<void> {
    if (!(await this.#replay(id))) notFound(id);
  }

  /** Enqueues all of them anew that had failed when this began. Returns how many. */
  replayAll(filter: DeadLetterFilter = {}): Promise<number> {
    return this.#forEach(filter, (id) => this.#replay(id));
  }

  /**
   * Forgets a failed job.
   * @throws UnderstudyError `job_not_found` when it is not among the failed ones
   */
  async purge(id: string): Promise<void> {
    if (!(await this.#purge(id))) notFound(id);
  }

  /** Forgets all of them that had failed when this began. Returns how many. */
  purgeAll(filter: DeadLetterFilter = {}): Promise<number> {
    return this.#forEach(filter, (id) => this.#purge(id));
  }

  /** Lets go of the connection, unless it was lent. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  async #replay(id: string): Promise<boolean> {
    const { result, chunks, fingerprint } = this.#keys;
    const [[data = null, text = null], now] = await Promise.all([
      this.#queue.run(() => this.#queue.redis.hmget(this.#job(id), 'data', 'progress')),
      this.#now(),
    ]);
    const progress = JSON.stringify(nextLife(readProgress(readJson(text), now), now));
    const keys = [this.#failed, this.#job(id), result(id), chunks(id), fingerprint(id)];
    const args = [id, progress, fingerprintOf(id, readJson(data)), FINGERPRINT_MS];
    const begun = await this.#queue.run(() => this.#queue.redis.eval(BEGIN_REPLAY, keys.length, ...keys, ...args));
    if (begun !== 1) return false;
    return this.#queue.run(async (queue) => {
      const job = await queue.getJob(id);
      if (!job) return false;
      try {
        await job.retry('failed', { resetAttemptsMade: true });
        return true;
      } catch (error) {
        // Somebody else replays it too, or has purged it: one of us takes it out of the failed ones.
        if (NOT_FAILED.has((error as { code?: number }).code)) return false;
        throw error;
      }
    });
  }

  async #purge(id: string): Promise<boolean> {
    const keys = [this.#failed, this.#job(id), `${this.#job(id)}:logs`];
    return (await this.#queue.run(() => this.#queue.redis.eval(PURGE_LETTER, keys.length, ...keys, id))) === 1;
  }

  /** Those that are there now; what fails again meanwhile is not met a second time. */
  async #forEach(filter: DeadLetterFilter, act: (id: string) => Promise<boolean>): Promise<number> {
    const [ids, now] = await Promise.all([
      this.#queue.run(() => this.#queue.redis.zrange(this.#failed, 0, '-1')),
      this.#now(),
    ]);
    let done = 0;
    for (let i = 0; i < ids.length; i += BATCH) {
      let batch = ids.slice(i, i + BATCH);
      if (isFiltering(filter))
        batch = (await this.#read(batch)).flatMap((letter) =>
          letter && matches(letter, filter, now) ? letter.id : [],
        );
      done += (await Promise.all(batch.map(act))).filter(Boolean).length;
    }
    return done;
  }

  /** The next of them, the newest first. */
  async #readFrom(at: number): Promise<(DeadLetter | null)[]> {
    const ids = await this.#queue.run(() => this.#queue.redis.zrange(this.#failed, at, String(at + BATCH - 1), 'REV'));
    return this.#read(ids);
  }

  async #read(ids: readonly string[]): Promise<(DeadLetter | null)[]> {
    const fields = await this.#queue.run(() =>
      Promise.all(ids.map((id) => this.#queue.redis.hmget(this.#job(id), ...LETTER_FIELDS))),
    );
    return ids.map((id, i) => toDeadLetter(id, fields[i] ?? []));
  }

  #now(): Promise<number> {
    return this.#queue.run(() => redisTimeMs(this.#queue.redis, this.#failed));
  }

  get #failed(): string {
    return this.#keys.bull(QUEUES.completion, 'failed');
  }

  #job(id: string): string {
    return this.#keys.bull(QUEUES.completion, id);
  }
}

/** What the job's idempotency key stands for; '' when it has none, or when its payload cannot be read. */
function fingerprintOf(id: string, payload: unknown): string {
  const job = jobPayloadSchema.safeParse(payload);
  if (!job.success) return '';
  const { jobId, fingerprint = '' } = identityOf(job.data);
  return jobId === id ? fingerprint : '';
}

/** What was tried stays known and goes on counting; what a job may still try begins anew. */
function nextLife(progress: JobProgress, now: number): JobProgress {
  const { attempts } = endInFlight(progress, { outcome: 'lost', latencyMs: 0 });
  return { attempts, parkings: 0, firstStartedAt: now, replayedAfter: countAttempts(attempts) };
}

function notFound(id: string): never {
  throw new UnderstudyError('job_not_found', `There is no failed job ${id}`, { jobId: id });
}
