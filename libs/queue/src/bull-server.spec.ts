import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { BullContext } from './bull-context.js';
import { type QueueService, type QueueServiceOptions, startQueueService } from './queue-service.fixture.js';
import { RejectedJobError } from './rejected-job-error.js';

const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});
afterAll(() => closeRedis(redis));

function openQueue(prefix: string): Queue {
  const queue = new Queue('work', { connection: redis, prefix });
  closers.push(() => queue.close());
  return queue;
}

async function serve(options: Omit<QueueServiceOptions, 'queue' | 'redisUrl'>): Promise<QueueService> {
  const service = await startQueueService({ queue: 'work', redisUrl, ...options });
  closers.push(() => service.app.close());
  return service;
}

describe('a handler', () => {
  it('gets the job once, however many workers there are', async () => {
    const prefix = uniquePrefix();
    const seen: string[] = [];
    const handle = (_payload: unknown, context: BullContext) => void seen.push(context.jobId);
    await serve({ prefix, handle, extras: { concurrency: 10 } });
    await serve({ prefix, handle, extras: { concurrency: 10 } });
    const queue = openQueue(prefix);
    await queue.addBulk(Array.from({ length: 200 }, (_, i) => ({ name: 'work', data: i, opts: { jobId: `j${i}` } })));
    await vi.waitFor(() => expect(seen.length).toBe(200));
    await expect.poll(() => queue.getActiveCount()).toBe(0);
    expect(new Set(seen).size).toBe(200);
    expect(seen).toHaveLength(200);
  });

  it.each([
    ['the server', { worker: { concurrency: 7 } }, 7],
    ['the decorator, which goes before the server', { worker: { concurrency: 7 }, extras: { concurrency: 3 } }, 3],
  ])('works as many jobs side by side as %s allows', async (_who, options, expected) => {
    const prefix = uniquePrefix();
    const begun: (() => void)[] = [];
    await serve({ prefix, ...options, handle: () => new Promise<void>((finish) => begun.push(finish)) });
    const queue = openQueue(prefix);
    await queue.addBulk(Array.from({ length: 10 }, () => ({ name: 'work', data: {} })));
    await vi.waitFor(() => expect(begun).toHaveLength(expected));
    expect(await queue.getWaitingCount()).toBe(10 - expected);
    await vi.waitFor(() => {
      for (const finish of begun) finish();
      expect(begun).toHaveLength(10);
    });
  });

  it('knows when the job was added, when this run began, and which run it is', async () => {
    const prefix = uniquePrefix();
    const seen: Pick<BullContext, 'enqueuedAt' | 'startedAt' | 'attemptsStarted'>[] = [];
    await serve({
      prefix,
      handle: (_payload, { enqueuedAt, startedAt, attemptsStarted }) =>
        void seen.push({ enqueuedAt, startedAt, attemptsStarted }),
    });
    const job = await openQueue(prefix).add('work', {});
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    expect(seen[0]).toEqual({ enqueuedAt: job.timestamp, startedAt: expect.any(Number), attemptsStarted: 1 });
    expect(seen[0]!.startedAt).toBeGreaterThanOrEqual(job.timestamp);
  });

  it('parks a job without costing it an attempt, and finds what it kept with it', async () => {
    const prefix = uniquePrefix();
    const runs: { payload: unknown; attemptsMade: number; attemptsStarted: number; at: number }[] = [];
    await serve({
      prefix,
      handle: async (payload, context) => {
        const { attemptsMade } = context.job;
        runs.push({ payload, attemptsMade, attemptsStarted: context.attemptsStarted, at: Date.now() });
        if (runs.length > 2) return;
        await context.updateJobData({ run: runs.length });
        await context.parkUntil(Date.now() + 100);
      },
    });
    await openQueue(prefix).add('work', { run: 0 }, { attempts: 1 });
    await vi.waitFor(() => expect(runs).toHaveLength(3));
    expect(runs.map((run) => run.payload)).toEqual([{ run: 0 }, { run: 1 }, { run: 2 }]);
    expect(runs.map((run) => run.attemptsMade)).toEqual([0, 0, 0]);
    expect(runs.map((run) => run.attemptsStarted)).toEqual([1, 2, 3]);
    expect(runs[1]!.at - runs[0]!.at).toBeGreaterThanOrEqual(100);
  });

  it('is asked again after a fault of its own, and not after it rejected the job', async () => {
    const prefix = uniquePrefix();
    const runs: string[] = [];
    await serve({
      prefix,
      handle: (payload) => {
        runs.push(payload as string);
        throw payload === 'rejected' ? new RejectedJobError('wrong') : new Error('oops');
      },
    });
    const queue = openQueue(prefix);
    await queue.addBulk(['rejected', 'crashed'].map((data) => ({ name: 'work', data, opts: { attempts: 3 } })));
    await expect.poll(() => queue.getFailedCount()).toBe(2);
    expect(runs.toSorted()).toEqual(['crashed', 'crashed', 'crashed', 'rejected']);
  });

  it('may return or throw anything: what it returns is not kept, and the worker goes on', async () => {
    const prefix = uniquePrefix();
    await serve({
      prefix,
      handle: (payload) => {
        if (payload === 'throw') throw undefined;
        return { big: 'x'.repeat(1000) };
      },
    });
    const queue = openQueue(prefix);
    await queue.add('work', 'throw');
    await queue.add('work', 'return', { jobId: 'kept' });
    await expect.poll(async () => (await queue.getJob('kept'))?.finishedOn).toBeDefined();
    expect((await queue.getJob('kept'))?.returnvalue).toBeNull();
    expect(await queue.getFailedCount()).toBe(1);
  });
});
