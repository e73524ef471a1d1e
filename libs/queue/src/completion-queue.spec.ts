import { type CompletionJob, redisKeys, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis, redisTimeMs } from '#libs/redis';
import { uniquePrefix, SLACK_MS } from '#libs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CompletionQueue } from './completion-queue.js';
import { type QueueService, startQueueService } from './queue-service.fixture.js';
import { RejectedJobError } from './rejected-job-error.js';
import { ResultStore } from './result-store.js';

const redisUrl = process.env.REDIS_URL!;
const job: CompletionJob = { request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] } };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

function openQueue(prefix = uniquePrefix()) {
  const queue = new CompletionQueue({ redisUrl, prefix });
  closers.push(() => queue.close());
  return { queue, prefix };
}

async function serve(prefix: string, handle: Parameters<typeof startQueueService>[0]['handle']): Promise<QueueService> {
  const service = await startQueueService({ queue: 'completion', redisUrl, prefix, handle });
  closers.push(() => service.app.close());
  return service;
}

describe('CompletionQueue', () => {
  it('hands a job to the handler as it was given', async () => {
    const { queue, prefix } = openQueue();
    const jobId = await queue.add(job);
    const seen = vi.fn();
    await serve(prefix, (payload, context) => seen(context.jobId, payload));
    await vi.waitFor(() => expect(seen).toHaveBeenCalledWith(jobId, job));
  });

  it('keeps nothing of a finished job but its result', async () => {
    const { queue, prefix } = openQueue();
    await serve(prefix, () => ({ something: 'big' }));
    const jobId = await queue.add(job);
    await expect.poll(() => queue.standing(jobId)).toBe('missing');
    expect(await queue.counts()).toMatchObject({ completed: 0, failed: 0 });
  });

  it('adds a job once under one id, while it waits and after it was answered', async () => {
    const { queue, prefix } = openQueue();
    await Promise.all([1, 2, 3].map(() => queue.add(job, { jobId: 'mine' })));
    expect(await queue.counts()).toMatchObject({ prioritized: 1 });

    const results = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
    closers.push(() => results.close());
    const error = new UnderstudyError('all_targets_failed', 'x').toJSON();
    await serve(prefix, (_payload, context) => results.commit(context.jobId, { status: 'failed', error }));
    await expect.poll(() => queue.standing('mine')).toBe('missing');
    expect(await queue.add(job, { jobId: 'mine' })).toBe('mine');
    expect(await queue.counts()).toMatchObject({ prioritized: 0, active: 0 });
  });

  it('starts a delayed job after its delay', async () => {
    const { queue } = openQueue();
    const jobId = await queue.add(job, { delayMs: 60_000 });
    expect(await queue.counts()).toMatchObject({ delayed: 1, waiting: 0 });
    expect(await queue.standing(jobId)).toBe('pending');
  });

  it('stamps jobs by the time of Redis, whatever the clock of this machine says', async () => {
    const { queue, prefix } = openQueue();
    const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
    closers.push(() => closeRedis(redis));
    const before = await redisTimeMs(redis, redisKeys(prefix).catalog);
    for (const skewMs of [-30_000, 30_000]) {
      const real = Date.now;
      vi.spyOn(Date, 'now').mockImplementation(() => real() + skewMs);
      const jobId = await queue.add(job);
      vi.restoreAllMocks();
      const stamp = Number(await redis.hget(redisKeys(prefix).bull('completion', jobId), 'timestamp'));
      expect(stamp).toBeGreaterThan(before - SLACK_MS);
      expect(stamp).toBeLessThan((await redisTimeMs(redis, redisKeys(prefix).catalog)) + SLACK_MS);
    }
  });

  it('says why a job was given up', async () => {
    const { queue, prefix } = openQueue();
    await serve(prefix, () => {
      throw new RejectedJobError('no good');
    });
    const jobId = await queue.add(job);
    await expect.poll(() => queue.standing(jobId)).toEqual({ failedReason: 'no good' });
  });

  it('refuses an id that the queue cannot use, naming the field', async () => {
    const { queue } = openQueue();
    for (const jobId of ['a:b', '42', '', 'delayed', 'meta', 'x'.repeat(300)])
      await expect(queue.add(job, { jobId })).rejects.toMatchObject({ code: 'invalid_request', field: 'jobId' });
  });

  it('is unavailable within a second while Redis is away', async () => {
    const queue = new CompletionQueue({ redisUrl: 'redis://127.0.0.1:1', prefix: uniquePrefix() });
    const begun = performance.now();
    await expect(queue.add(job)).rejects.toMatchObject({
      code: 'queue_unavailable',
      retryable: true,
      message: expect.stringContaining('127.0.0.1:1'),
    });
    expect(performance.now() - begun).toBeLessThan(1_000 + SLACK_MS);
    await queue.close();
  });
});
