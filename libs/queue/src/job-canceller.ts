import { randomUUID } from 'node:crypto';
import { type JobOutcome, QUEUES, type RedisKeys, UnderstudyError } from '#libs/contracts';
import type { ClockOnDemand } from '#libs/redis';
import { endInFlight, readProgress, withoutMiddle } from './job-progress.js';
import { CANCEL_JOB } from './lua/cancel-job.js';
import type { ProducerQueue } from './producer-queue.js';
import { readJson } from './read-json.js';
import { isReservedId } from './reserved-ids.js';

/** For so long routers that have missed the message can still learn that a job was cancelled, in milliseconds. */
const REMEMBERED_MS = 600_000;

/** What a cancel met: a job that is ended by it now, or one that had come to an end before. */
export type Cancellation = 'cancelled' | 'finished';

/**
 * Cancels jobs. The result `cancelled` is committed first, like any other result: the first writer wins, so that a job is either
 * answered or cancelled whatever happens at the same time. All the rest only saves work.
 */
export class JobCanceller {
  constructor(
    private readonly queue: ProducerQueue,
    private readonly keys: RedisKeys,
    private readonly clock: ClockOnDemand,
    /** Where no router has announced how long results are kept, in milliseconds. */
    private readonly resultTtlMs: number,
  ) {}

  /** @throws UnderstudyError `job_not_found`, `queue_unavailable` */
  async cancel(jobId: string): Promise<Cancellation> {
    const stored = await this.#stored(jobId);
    const verdict = stored ? await this.#commit(jobId, stored) : 'unknown';
    if (verdict === 'unknown') throw new UnderstudyError('job_not_found', `There is no job ${jobId}`, { jobId });
    if (verdict === 'finished' && !(await this.#wasCancelled(jobId))) return 'finished';
    // One that is being worked on stays where it is: its router ends it.
    await this.queue.run((queue) => queue.remove(jobId));
    return 'cancelled';
  }

  /** What is kept of a job, which may be nothing any more; null where something lies that can be no job. */
  async #stored(jobId: string): Promise<(string | null)[] | null> {
    if (isReservedId(jobId)) return null;
    const key = this.queue.jobKey(jobId);
    const type = await this.queue.run(() => this.queue.redis.type(key));
    if (type !== 'hash' && type !== 'none') return null;
    return this.queue.run(() => this.queue.redis.hmget(key, 'data', 'progress'));
  }

  async #commit(jobId: string, [data, progress]: (string | null)[]): Promise<Cancellation | 'unknown'> {
    const { result, cancelled, cancel, bull, resultTtl } = this.keys;
    const now = await this.queue.run(() => this.clock.now());
    const outcome = { commit: randomUUID(), ...outcomeOf(jobId, readJson(progress), now) };
    const [job, failed, completed] = [jobId, 'failed', 'completed'].map((name) => bull(QUEUES.completion, name));
    const keys = [result(jobId), job, failed, completed, cancelled, resultTtl] as string[];
    const channels = { replyTo: replyToOf(readJson(data)) ?? '', cancel };
    const args = [JSON.stringify(outcome), this.resultTtlMs, jobId, channels.replyTo, channels.cancel, REMEMBERED_MS];
    const verdict = await this.queue.run(() => this.queue.redis.eval(CANCEL_JOB, keys.length, ...keys, ...args));
    return verdict as Cancellation | 'unknown';
  }

  async #wasCancelled(jobId: string): Promise<boolean> {
    const text = await this.queue.run(() => this.queue.redis.get(this.keys.result(jobId)));
    return (readJson(text) as { error?: { code?: unknown } } | null)?.error?.code === 'cancelled';
  }
}

/** The attempts as far as they are known; a call that is under way now is cut. */
function outcomeOf(jobId: string, stored: unknown, now: number): JobOutcome {
  const progress = readProgress(stored, now);
  const message = 'The job was cancelled during this call';
  const latencyMs = Math.max(0, Math.round(now - (progress.inFlight?.startedAt ?? now)));
  const attempts = withoutMiddle(endInFlight(progress, { outcome: 'cancelled', message, latencyMs }).attempts);
  const error = new UnderstudyError('cancelled', 'The job was cancelled', { jobId, attempts });
  return { status: 'failed', error: error.toJSON() };
}

/** Where the process that waits for a job listens; undefined when nobody waits, or when that cannot be read. */
export function replyToOf(payload: unknown): string | undefined {
  const { replyTo } = (payload ?? {}) as { replyTo?: unknown };
  return typeof replyTo === 'string' ? replyTo : undefined;
}
