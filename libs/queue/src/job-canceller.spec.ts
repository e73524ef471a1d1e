import { type CompletionJob, redisKeys, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix, SLACK_MS } from '#libs/testing';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CompletionQueue } from './completion-queue.js';
import { startQueueService } from './queue-service.fixture.js';
import { ModelCatalog } from './model-catalog.js';
import { RejectedJobError } from './rejected-job-error.js';
import { ReplyChannel } from './reply-channel.js';
import { ResultStore } from './result-store.js';

const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const job: CompletionJob = { request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] } };
const cancelledError = { status: 'failed', error: { code: 'cancelled', retryable: false } };

let prefix: string;
let queue: CompletionQueue;
let results: ResultStore;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  prefix = uniquePrefix();
  const location = { redisUrl, prefix };
  queue = new CompletionQueue(location);
  results = new ResultStore({ ...location, ttlMs: 60_000 });
  closers.push(
    () => queue.close(),
    () => results.close(),
  );
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});
afterAll(() => closeRedis(redis));

describe('cancelling a job', () => {
  it('keeps its result for as long as the routers keep theirs, whatever the one who cancels was told', async () => {
    const { result } = redisKeys(prefix);
    const catalog = new ModelCatalog({ redisUrl, prefix });
    const teller = new CompletionQueue({ redisUrl, prefix, resultTtlMs: 5_000_000 });
    closers.push(
      () => catalog.close(),
      () => teller.close(),
    );
    const early = await queue.add(job);
    await teller.cancel(early);
    expect(await redis.pttl(result(early))).toBeGreaterThan(4_000_000);
    await catalog.publish(['m'], { resultTtlMs: 2_000_000 });
    for (const canceller of [teller, queue]) {
      const id = await queue.add(job);
      await canceller.cancel(id);
      const ttl = await redis.pttl(result(id));
      expect(ttl).toBeGreaterThan(1_000_000);
      expect(ttl).toBeLessThanOrEqual(2_000_000);
    }
  });

  it('takes no nonsense for a time that routers have announced', async () => {
    const { result, resultTtl } = redisKeys(prefix);
    await redis.set(resultTtl, 'soon');
    const id = await queue.add(job);
    expect(await queue.cancel(id)).toBe('cancelled');
    expect(await redis.pttl(result(id))).toBeGreaterThan(80_000_000);
  });

  it.each([
    ['waits', {}],
    ['is put off', { delayMs: 60_000 }],
  ])('that %s takes it out of the queue, and whoever waits for it hears at once', async (_what, options) => {
    const replies = new ReplyChannel({ redisUrl, prefix });
    closers.push(() => replies.close());
    const id = await queue.add({ ...job, replyTo: replies.address }, options);
    const outcome = replies.waitFor(id, { timeoutMs: 10_000 });
    expect(await queue.cancel(id)).toBe('cancelled');
    expect(await outcome).toMatchObject({ ...cancelledError, error: { jobId: id, attempts: [] } });
    expect(await queue.standing(id)).toBe('missing');
    expect(await queue.counts()).toMatchObject({ waiting: 0, delayed: 0, active: 0, failed: 0 });
  });

  it('that is being worked on leaves it to its router, which is told', async () => {
    const { cancel, cancelled } = redisKeys(prefix);
    const heard: string[] = [];
    const router = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
    closers.push(() => closeRedis(router));
    router.on('message', (channel: string, id: string) => heard.push(`${channel} ${id}`));
    await router.subscribe(cancel);
    const begun = vi.fn();
    const service = await startQueueService({
      queue: 'completion',
      redisUrl,
      prefix,
      handle: () => new Promise<void>((finish) => begun(finish)),
    });
    closers.push(() => service.app.close());
    const id = await queue.add(job);
    await vi.waitFor(() => expect(begun).toHaveBeenCalled());
    expect(await queue.cancel(id)).toBe('cancelled');
    await vi.waitFor(() => expect(heard).toEqual([`${cancel} ${id}`]));
    expect(Math.abs(Number(await redis.zscore(cancelled, id)) - Date.now())).toBeLessThan(10_000);
    expect(await queue.standing(id)).toBe('pending');
    expect(await results.commit(id, failedAs('too late'), '', 1)).toBe('duplicate');
    begun.mock.calls[0]![0]();
    await expect.poll(() => queue.standing(id)).toBe('missing');
  });

  it('tells the attempts that are known, the one under way included', async () => {
    const id = await queue.add(job);
    const first = { number: 1, target: 'a', outcome: 'overloaded', startedAt: 1, latencyMs: 1 };
    const inFlight = { number: 2, target: 'b', startedAt: Date.now() };
    const progress = { attempts: [first], parkings: 0, firstStartedAt: 1, inFlight };
    await redis.hset(redisKeys(prefix).bull('completion', id), 'progress', JSON.stringify(progress));
    await queue.cancel(id);
    expect(await results.get(id)).toMatchObject({
      error: { attempts: [first, { number: 2, target: 'b', outcome: 'cancelled' }] },
    });
  });

  it('is remembered for ten minutes, also when no other is cancelled after it', async () => {
    await queue.cancel(await queue.add(job));
    const leftMs = await redis.pttl(redisKeys(prefix).cancelled);
    expect(leftMs).toBeGreaterThan(540_000);
    expect(leftMs).toBeLessThanOrEqual(600_000);
  });

  it('twice changes nothing, and says the same', async () => {
    const id = await queue.add(job);
    await queue.cancel(id);
    const before = await results.get(id);
    expect(await queue.cancel(id)).toBe('cancelled');
    expect(await results.get(id)).toEqual(before);
  });

  it('that is finished leaves its result alone', async () => {
    const id = await queue.add(job);
    await results.commit(id, failedAs('answered'));
    expect(await queue.cancel(id)).toBe('finished');
    expect(await results.get(id)).toMatchObject({ error: { message: 'answered' } });
  });

  it('that failed, and whose result has expired, leaves it among the failed ones', async () => {
    const service = await startQueueService({
      queue: 'completion',
      redisUrl,
      prefix,
      handle: () => Promise.reject(new RejectedJobError('no')),
    });
    closers.push(() => service.app.close());
    const id = await queue.add(job);
    await expect.poll(() => queue.standing(id)).toEqual({ failedReason: 'no' });
    expect(await queue.cancel(id)).toBe('finished');
    expect(await queue.standing(id)).toEqual({ failedReason: 'no' });
  });

  it('that nobody knows is refused', async () => {
    await expect(queue.cancel('never-was')).rejects.toMatchObject({ code: 'job_not_found', jobId: 'never-was' });
  });

  it.each(['meta', 'id', 'events', 'prioritized', 'marker'])(
    'by a name of the queue’s own, “%s”, is refused and leaves the queue as it was',
    async (id) => {
      const jobId = await queue.add(job);
      const key = redisKeys(prefix).bull('completion', id);
      const before = await redis.dump(key);
      await expect(queue.cancel(id)).rejects.toMatchObject({ code: 'job_not_found', jobId: id });
      expect(await redis.dump(key)).toEqual(before);
      expect(await results.get(id)).toBeNull();
      expect(await queue.standing(jobId)).toBe('pending');
    },
  );

  it('by the name of something that belongs to a job is refused', async () => {
    const key = redisKeys(prefix).bull('completion', 'some:lock');
    await redis.set(key, 'token');
    await expect(queue.cancel('some:lock')).rejects.toMatchObject({ code: 'job_not_found' });
    expect(await redis.get(key)).toBe('token');
  });

  it('while Redis is away fails within a second', async () => {
    const away = new CompletionQueue({ redisUrl: 'redis://127.0.0.1:1', prefix });
    closers.push(() => away.close());
    const began = performance.now();
    await expect(away.cancel('any')).rejects.toMatchObject({ code: 'queue_unavailable', retryable: true });
    expect(performance.now() - began).toBeLessThan(1_000 + SLACK_MS);
  });
});

const failedAs = (message: string) => ({
  status: 'failed' as const,
  error: new UnderstudyError('all_targets_failed', message).toJSON(),
});
