import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix, SLACK_MS } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type QueueService, type QueueServiceOptions, startQueueService } from './queue-service.fixture.js';
import { SHUTDOWN } from './supervised-worker.js';

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

/** Never settles; what a handler does that ignores its signal. */
const hang = () => new Promise<never>(() => undefined);
const until = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error(String(signal.reason)))));

describe('a process that stops', () => {
  it('finishes the jobs in hand', async () => {
    const prefix = uniquePrefix();
    const begun = vi.fn();
    const { app } = await serve({ prefix, handle: () => new Promise<void>((finish) => begun(finish)) });
    const queue = openQueue(prefix);
    await queue.add('work', {});
    await vi.waitFor(() => expect(begun).toHaveBeenCalled());
    const closing = app.close();
    begun.mock.calls[0]![0]();
    await closing;
    expect(await queue.getJobCounts('completed', 'active', 'wait')).toEqual({ completed: 1, active: 0, wait: 0 });
  });

  it('hands back what it cannot finish, at once and without costing an attempt', async () => {
    const prefix = uniquePrefix();
    const reasons: unknown[] = [];
    const { app } = await serve({
      prefix,
      patience: { drainMs: 50, handBackMs: 5_000 },
      handle: (_payload, { signal }) =>
        until(signal).catch((error: unknown) => (reasons.push(signal.reason), Promise.reject(error))),
    });
    const queue = openQueue(prefix);
    await queue.add('work', {}, { attempts: 1 });
    await expect.poll(() => queue.getActiveCount()).toBe(1);
    await app.close();
    expect(reasons).toEqual([SHUTDOWN]);
    const runs: number[] = [];
    await serve({ prefix, handle: (_payload, { job }) => void runs.push(job.attemptsMade) });
    await vi.waitFor(() => expect(runs).toEqual([0]));
  });

  it('hands a job with a priority back to a worker that sleeps, which takes it at once', async () => {
    const prefix = uniquePrefix();
    const { app } = await serve({
      prefix,
      patience: { drainMs: 50, handBackMs: 5_000 },
      handle: (_payload, { signal }) => until(signal),
    });
    const queue = openQueue(prefix);
    await queue.add('work', {}, { priority: 20 });
    await expect.poll(() => queue.getActiveCount()).toBe(1);
    const taken = vi.fn();
    await serve({ prefix, handle: taken });
    await app.close();
    // A worker that nobody wakes looks again after five seconds.
    await vi.waitFor(() => expect(taken).toHaveBeenCalled());
  });

  it('does not wait for a handler that hangs', async () => {
    const prefix = uniquePrefix();
    const { app } = await startQueueService({
      queue: 'work',
      redisUrl,
      prefix,
      patience: { drainMs: 50, handBackMs: 50 },
      handle: hang,
    });
    const queue = openQueue(prefix);
    await queue.add('work', {});
    await expect.poll(() => queue.getActiveCount()).toBe(1);
    const begun = performance.now();
    await app.close();
    expect(performance.now() - begun).toBeLessThan(1_500 + SLACK_MS);
  });

  it('does not wait for a Redis that was never there', async () => {
    const { app, errors } = await startQueueService({
      queue: 'work',
      prefix: uniquePrefix(),
      redisUrl: 'redis://127.0.0.1:1',
      handle: hang,
    });
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    const begun = performance.now();
    await app.close();
    expect(performance.now() - begun).toBeLessThan(1_500 + SLACK_MS);
    expect(errors).toHaveLength(1);
  });

  it('leaves its jobs to the others when it dies', async () => {
    const prefix = uniquePrefix();
    const extras = { lockDuration: 600, stalledInterval: 300 };
    const dying = await serve({ prefix, extras, handle: hang, patience: { drainMs: 0, handBackMs: 0 } });
    const queue = openQueue(prefix);
    await queue.add('work', {});
    await expect.poll(() => queue.getActiveCount()).toBe(1);
    // As a SIGKILL looks from Redis: no word, and no renewal of the lock.
    dying.server.unwrap<{ disconnect(): void }>().disconnect();
    const taken = vi.fn();
    await serve({ prefix, extras, handle: (_payload, { job }) => taken(job.attemptsMade) });
    await vi.waitFor(() => expect(taken).toHaveBeenCalledWith(0));
  });
});
