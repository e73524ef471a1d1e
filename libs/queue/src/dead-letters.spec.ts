import { type CompletionJob, redisKeys, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BullContext } from './bull-context.js';
import type { BullExtras } from './bull-server.js';
import { CompletionQueue } from './completion-queue.js';
import { DeadLetters } from './dead-letters.js';
import { startQueueService } from './queue-service.fixture.js';
import { RejectedJobError } from './rejected-job-error.js';
import { ResultStore } from './result-store.js';

const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const request = (model: string): CompletionJob['request'] => ({
  model,
  messages: [{ role: 'user', content: 'secret prompt' }],
});
const attempt = (number: number) => ({ number, target: 'a/m', outcome: 'timeout', startedAt: number, latencyMs: 5 });

let prefix: string;
let queue: CompletionQueue;
let letters: DeadLetters;
let results: ResultStore;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  prefix = uniquePrefix();
  const location = { redisUrl, prefix };
  queue = new CompletionQueue(location);
  letters = new DeadLetters(location);
  results = new ResultStore({ ...location, ttlMs: 60_000 });
  closers.push(...[queue, letters, results].map((part) => () => part.close()));
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});
afterAll(() => closeRedis(redis));

const job = (id: string) => redisKeys(prefix).bull('completion', id);

/** Gives every job up as a router does, with a result and attempts; `revived` are answered instead. */
async function serve({
  worker = {},
  revived = () => false,
}: { worker?: BullExtras; revived?: (context: BullContext) => boolean } = {}) {
  const seen: BullContext[] = [];
  const service = await startQueueService({
    queue: 'completion',
    redisUrl,
    prefix,
    worker,
    handle: async (payload, context) => {
      seen.push(context);
      if (revived(context)) return;
      const { attemptsStarted: runs, jobId } = context;
      await context.job.updateProgress({ attempts: [attempt(1), attempt(2)], parkings: 3, firstStartedAt: 1 });
      const error = new UnderstudyError('all_targets_failed', `run ${runs}`).toJSON();
      await results.commit(jobId, { status: 'failed', error }, '', runs);
      const { model } = (payload as CompletionJob).request;
      throw new RejectedJobError(model === 'odd' ? 'no code here' : `all_targets_failed: after run ${runs}`);
    },
  });
  closers.push(() => service.app.close());
  return seen;
}

const failed = async (count: number) => await expect.poll(() => letters.count()).toBe(count);

describe('dead letters', () => {
  it('G57 an exhausted job lands there with code, reason and attempts, and its payload is shown only when asked for', async () => {
    await serve();
    const id = await queue.add({ request: request('m'), tenant: 'shop', idempotencyKey: 'order-1' });
    await failed(1);
    const shown = await letters.show(id);
    expect(shown).toMatchObject({
      id,
      code: 'all_targets_failed',
      reason: 'after run 1',
      model: 'm',
      tenant: 'shop',
      idempotencyKey: 'order-1',
      attempts: [attempt(1), attempt(2)],
      runs: 1,
    });
    expect(shown.failedAt).toBeGreaterThanOrEqual(shown.enqueuedAt - 1_000);
    expect(JSON.stringify(shown)).not.toContain('secret prompt');
    expect(await letters.payload(id)).toMatchObject({ request: request('m') });
    await expect(letters.show('never-was')).rejects.toMatchObject({ code: 'job_not_found' });
  });

  it('are listed newest first, in pages, and by code, model and tenant', async () => {
    await serve({ worker: { concurrency: 1 } });
    for (let i = 0; i < 25; i++)
      await queue.add({ request: request(i % 5 ? 'm' : 'odd'), tenant: i % 2 ? 'one' : 'two' }, { jobId: `job-${i}` });
    await failed(25);
    const first = await letters.list({ limit: 10 });
    expect(first).toMatchObject({ total: 25, all: 25, next: 10 });
    const second = await letters.list({ limit: 10, from: first.next as number });
    const last = await letters.list({ limit: 10, from: second.next as number });
    expect(last.next).toBeNull();
    const all = [...first.letters, ...second.letters, ...last.letters];
    expect(new Set(all.map(({ id }) => id)).size).toBe(25);
    expect(all.map(({ failedAt }) => failedAt)).toEqual(all.map(({ failedAt }) => failedAt).toSorted((a, b) => b - a));

    const listed = async (filter: Parameters<DeadLetters['list']>[0]) =>
      (await letters.list(filter)).letters.map(({ id }) => id).toSorted();
    expect(await listed({ filter: { model: 'odd' } })).toEqual(['job-0', 'job-10', 'job-15', 'job-20', 'job-5']);
    expect(await listed({ filter: { code: 'internal_error', tenant: 'one' } })).toEqual(['job-15', 'job-5']);
    expect(await listed({ filter: { olderThanMs: 3_600_000 } })).toEqual([]);

    const filter = { model: 'odd' };
    const odd = await letters.list({ limit: 2, filter });
    expect(odd).toMatchObject({ total: 5, all: 25, next: expect.any(Number) });
    const rest = await letters.list({ limit: 3, from: odd.next as number, filter });
    expect(rest).toMatchObject({ total: 5, all: 25, next: null });
    expect(new Set([...odd.letters, ...rest.letters].map(({ id }) => id)).size).toBe(5);
  });

  it('P10 a replayed job keeps its id, its idempotency key and what was tried; its deadline begins anew and its runs go on counting', async () => {
    let revived = false;
    const seen = await serve({ revived: () => revived });
    const id = await queue.add({ request: request('m'), idempotencyKey: 'order-1', priority: 'high' });
    await failed(1);
    await redis.hset(job(id), 'timestamp', 1_000);
    revived = true;
    await letters.replay(id);
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    const again = seen[1] as BullContext;
    expect(again.jobId).toBe(id);
    expect(again.job.data).toMatchObject({ idempotencyKey: 'order-1' });
    expect(again.job.progress).toMatchObject({ attempts: [attempt(1), attempt(2)], replayedAfter: 2, parkings: 0 });
    expect(Math.abs(again.enqueuedAt - Date.now())).toBeLessThan(30_000);
    expect(again.attemptsStarted).toBe(2);
    expect(again.isLastRun).toBe(false);
    await failed(0);
  });

  it("P10 a replayed job's key stands for its request again, however long ago it failed", async () => {
    await serve();
    const keyed = { request: request('m'), idempotencyKey: 'order-2' };
    const id = await queue.add(keyed);
    await failed(1);
    await redis.del(redisKeys(prefix).fingerprint(id));
    await letters.replay(id);
    const other = { ...keyed, request: request('another') };
    await expect(queue.add(other)).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(await queue.add(keyed)).toBe(id);
  });

  it('a replay takes the old result away first, and a late commit of the earlier life is refused', async () => {
    const seen = await serve({ revived: ({ attemptsStarted }) => attemptsStarted > 1 });
    const id = await queue.add({ request: request('m') });
    await failed(1);
    expect(await results.get(id)).toMatchObject({ error: { message: 'run 1' } });
    await letters.replay(id);
    expect(await results.get(id)).toBeNull();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    const error = new UnderstudyError('all_targets_failed', 'late').toJSON();
    await redis.hset(job(id), 'ats', 2);
    expect(await results.commit(id, { status: 'failed', error }, '', 1)).toBe('superseded');
  });

  it('a replay that died half way leaves a failed job that can be replayed', async () => {
    let revived = false;
    const seen = await serve({ revived: () => revived });
    const id = await queue.add({ request: request('m') });
    await failed(1);
    // What the first half does.
    await redis.del(redisKeys(prefix).result(id));
    expect(await letters.count()).toBe(1);
    revived = true;
    await letters.replay(id);
    await vi.waitFor(() => expect(seen).toHaveLength(2));
  });

  it('a job is replayed once however many replay it, and all of a kind at once', async () => {
    let revived = false;
    const seen = await serve({ revived: () => revived });
    for (let i = 0; i < 30; i++) await queue.add({ request: request(i % 3 ? 'm' : 'odd') });
    await failed(30);
    seen.length = 0;
    revived = true;
    const done = await Promise.all([letters.replayAll({ model: 'odd' }), letters.replayAll({ model: 'odd' })]);
    expect(done[0] + done[1]).toBe(10);
    await failed(20);
    expect(await letters.replayAll()).toBe(20);
    await failed(0);
    await vi.waitFor(() => expect(new Set(seen.map(({ jobId }) => jobId)).size).toBe(30));
    await expect(letters.replay('never-was')).rejects.toMatchObject({ code: 'job_not_found' });
  });

  it('are purged one by one, by kind, and all, without a trace but their results', async () => {
    await serve();
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.push(await queue.add({ request: request(i < 2 ? 'odd' : 'm') }));
    await failed(6);
    await letters.purge(ids[0] as string);
    expect(await redis.exists(job(ids[0] as string))).toBe(0);
    expect(await results.get(ids[0] as string)).not.toBeNull();
    await expect(letters.purge(ids[0] as string)).rejects.toMatchObject({ code: 'job_not_found' });
    expect(await letters.purgeAll({ olderThanMs: 3_600_000 })).toBe(0);
    expect(await letters.purgeAll({ model: 'odd' })).toBe(1);
    expect(await letters.purgeAll()).toBe(4);
    expect(await letters.count()).toBe(0);
  });

  it('are bounded by whoever works the queue, not by each producer', async () => {
    await serve({ worker: { removeOnFail: { count: 5 } } });
    for (let i = 0; i < 12; i++) await queue.add({ request: request('m') });
    await expect.poll(() => queue.counts()).toMatchObject({ active: 0, prioritized: 0, waiting: 0, failed: 5 });
  });

  it('while Redis is away every question fails within a second', async () => {
    const away = new DeadLetters({ redisUrl: 'redis://127.0.0.1:1', prefix });
    closers.push(() => away.close());
    for (const ask of [() => away.count(), () => away.list(), () => away.replay('x'), () => away.purgeAll()])
      await expect(ask()).rejects.toMatchObject({ code: 'queue_unavailable' });
  });
});
