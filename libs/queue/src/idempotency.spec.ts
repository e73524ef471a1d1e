import { type CompletionJob, redisKeys, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CompletionQueue } from './completion-queue.js';
import { identityOf } from './job-identity.js';
import { startQueueService } from './queue-service.fixture.js';
import { RejectedJobError } from './rejected-job-error.js';
import { ResultStore } from './result-store.js';

const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
afterAll(() => closeRedis(redis));

let prefix: string;
let queue: CompletionQueue;
let results: ResultStore;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  prefix = uniquePrefix();
  queue = new CompletionQueue({ redisUrl, prefix, deadlineMs: 10_000, resultTtlMs: 5_000 });
  results = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
  closers.push(
    () => queue.close(),
    () => results.close(),
  );
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const job = (content: string, envelope: Partial<CompletionJob> = {}): CompletionJob => ({
  request: { model: 'm', messages: [{ role: 'user', content }] },
  ...envelope,
});
const addAll = (jobs: CompletionJob[], to = queue) =>
  to.addAll(
    jobs.map((one) => ({ job: one, identity: identityOf(one) })),
    (i) => `[${i}].idempotencyKey`,
  );
/** Answers every job, and counts how often each was worked on. */
async function serve(fail = false): Promise<string[]> {
  const worked: string[] = [];
  const error = new UnderstudyError('all_targets_failed', 'nobody').toJSON();
  const service = await startQueueService({
    queue: 'completion',
    redisUrl,
    prefix,
    extras: { concurrency: 10 },
    handle: async (_payload, { jobId }) => {
      worked.push(jobId);
      await results.commit(jobId, { status: 'failed', error });
      if (fail) throw new RejectedJobError('all_targets_failed: nobody');
    },
  });
  closers.push(() => service.app.close());
  return worked;
}

describe('a key of ours that somebody has written over', () => {
  const one = job('a', { idempotencyKey: 'k' });
  const { jobId } = identityOf(one);

  it('that is a fingerprint counts as none: the job is let in, and its key stands for its request again', async () => {
    await redis.lpush(redisKeys(prefix).fingerprint(jobId), 'garbage');
    expect(await addAll([one])).toEqual([{ jobId, isNew: true }]);
    expect(await addAll([one])).toEqual([{ jobId, isNew: false }]);
    await expect(addAll([job('b', { idempotencyKey: 'k' })])).rejects.toMatchObject({ code: 'idempotency_conflict' });
  });

  it('that is the list of cancelled jobs is begun anew', async () => {
    await redis.set(redisKeys(prefix).cancelled, 'garbage');
    expect(await addAll([one])).toEqual([{ jobId, isNew: true }]);
  });

  it('that cannot be worked with lets nothing in, and the caller is told so', async () => {
    const keys = redisKeys(prefix);
    await redis.set(keys.bull('completion', 'failed'), 'garbage');
    await expect(addAll([one, job('b', { idempotencyKey: 'l' })])).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect(await redis.exists(keys.bull('completion', jobId))).toBe(0);
    expect(await redis.exists(keys.bull('completion', 'prioritized'))).toBe(0);
    await redis.del(keys.bull('completion', 'failed'));
    expect(await addAll([job('another', { idempotencyKey: 'k' })])).toEqual([{ jobId, isNew: true }]);
  });
});

describe('the identity of a job', () => {
  it('is new for every job without a key', () => {
    expect(identityOf(job('a'))).not.toEqual(identityOf(job('a')));
    expect(identityOf(job('a'))).toMatchObject({ isShared: false, fingerprint: undefined });
  });

  it('follows from key and tenant, and its fingerprint from request and routing, in whatever order they are written', () => {
    const known = identityOf(job('a', { idempotencyKey: 'k', tenant: 't', routing: { pin: 'x', mode: 'y' } }));
    const same = identityOf({
      tenant: 't',
      deadlineMs: 5,
      priority: 'high',
      replyTo: 'elsewhere',
      routing: { mode: 'y', pin: 'x' },
      idempotencyKey: 'k',
      request: { messages: [{ content: 'a', role: 'user' }], model: 'm' },
    });
    expect(same).toEqual(known);
    const others = [
      job('a', { idempotencyKey: 'k', routing: { pin: 'x', mode: 'y' } }),
      job('a', { idempotencyKey: 'k2', tenant: 't', routing: { pin: 'x', mode: 'y' } }),
    ];
    for (const other of others) expect(identityOf(other).jobId).not.toBe(known.jobId);
    const changed = [
      job('b', { idempotencyKey: 'k', tenant: 't', routing: { pin: 'x', mode: 'y' } }),
      job('a', { idempotencyKey: 'k', tenant: 't', routing: { pin: 'x' } }),
    ];
    for (const other of changed) {
      expect(identityOf(other).jobId).toBe(known.jobId);
      expect(identityOf(other).fingerprint).not.toBe(known.fingerprint);
    }
  });

  it('can be used as an id whatever the key holds', async () => {
    for (const idempotencyKey of ['a:b', '42', 'wait', 'ü/{}', ' '.repeat(255)])
      expect(await queue.add(job('a', { idempotencyKey }))).toMatch(/^key-[\w-]{43}$/);
    expect(await queue.counts()).toMatchObject({ prioritized: 5 });
  });
});

describe('jobs with an idempotency key', () => {
  it('are one job, worked on once, however many ask at the same time and while it is being answered', async () => {
    const worked = await serve();
    const one = job('a', { idempotencyKey: 'order-1' });
    // A caller's connection gives a command up after seconds, which the last of so many may take on a busy machine.
    const patient = new CompletionQueue({ redisUrl, prefix, connection: redis });
    closers.push(() => patient.close());
    const added = await Promise.all(Array.from({ length: 10_000 }, () => addAll([one], patient)));
    expect(new Set(added.flat().map(({ jobId }) => jobId)).size).toBe(1);
    expect(added.flat().filter(({ isNew }) => isNew)).toHaveLength(1);
    const none = { prioritized: 0, active: 0, failed: 0 };
    await expect.poll(() => queue.counts(), { timeout: 60_000 }).toMatchObject(none);
    expect(worked).toHaveLength(1);
    // Ten thousand scripts, each on its own way to Redis: seconds on an idle machine, a minute on one that is not.
  }, 240_000);

  it('are refused when the key stands for another request, and the message names the key and not the request', async () => {
    await queue.add(job('a secret', { idempotencyKey: 'order-1' }));
    const refusal = await queue.add(job('unlike', { idempotencyKey: 'order-1' })).catch((e: unknown) => e as Error);
    expect(refusal).toMatchObject({ code: 'idempotency_conflict', field: 'idempotencyKey', retryable: false });
    expect((refusal as Error).message).toContain('"order-1"');
    expect((refusal as Error).message).not.toMatch(/secret|unlike/);
    expect(await queue.counts()).toMatchObject({ prioritized: 1 });
  });

  it('do not meet those of another tenant', async () => {
    const ids = [
      await queue.add(job('a', { idempotencyKey: 'k', tenant: 'x' })),
      await queue.add(job('b', { idempotencyKey: 'k', tenant: 'y' })),
    ];
    expect(new Set(ids).size).toBe(2);
  });

  it('are added all or none: one conflict among many stops them all, and leaves no trace', async () => {
    await queue.add(job('a', { idempotencyKey: 'taken' }));
    const many = [
      job('1'),
      job('2', { idempotencyKey: 'free' }),
      job('b', { idempotencyKey: 'taken' }),
      job('3', { idempotencyKey: 'free too' }),
    ];
    await expect(addAll(many)).rejects.toMatchObject({ code: 'idempotency_conflict', field: '[2].idempotencyKey' });
    // The job without a key has an id of its own, and is not to be there either.
    expect(await queue.countWaiting()).toBe(1);
    expect(await redis.keys(`${prefix}:fingerprint:*`)).toHaveLength(1);
    expect(await redis.keys(`${prefix}:completion:key-*`)).toHaveLength(1);
    await expect(addAll([job('other', { idempotencyKey: 'free' })])).resolves.toMatchObject([{ isNew: true }]);
  });

  it('may stand twice in one call: as the same request for one job, as two requests for a conflict', async () => {
    const twice = job('a', { idempotencyKey: 'k' });
    const added = await addAll([twice, job('b'), twice]);
    expect(added.map(({ isNew }) => isNew)).toEqual([true, true, false]);
    expect(added[2]!.jobId).toBe(added[0]!.jobId);
    expect(await queue.countWaiting()).toBe(2);
    const conflict = addAll([twice, job('b', { idempotencyKey: 'k' })]);
    await expect(conflict).rejects.toMatchObject({ code: 'idempotency_conflict', field: '[1].idempotencyKey' });
  });

  it('are not begun anew while the result is there, and are when it has expired', async () => {
    const worked = await serve(true);
    const one = job('a', { idempotencyKey: 'k' });
    const jobId = await queue.add(one);
    await expect.poll(() => queue.standing(jobId)).toEqual({ failedReason: 'all_targets_failed: nobody' });
    expect(await addAll([one])).toEqual([{ jobId, isNew: false }]);
    const { result, chunks, cancelled } = redisKeys(prefix);
    await redis.del(result(jobId));
    // What is left of its former life is not taken for news of the new one.
    await redis.xadd(chunks(jobId), '*', 'said', 'before');
    await redis.zadd(cancelled, Date.now(), jobId);
    expect(await addAll([one])).toEqual([{ jobId, isNew: true }]);
    expect(await redis.exists(chunks(jobId), cancelled)).toBe(0);
    await vi.waitFor(() => expect(worked).toEqual([jobId, jobId]));
  });

  it('are remembered for as long as job and result may be there, and longer when asked again with more time', async () => {
    const jobId = await queue.add(job('a', { idempotencyKey: 'k' }));
    const ttlMs = () => redis.pttl(redisKeys(prefix).fingerprint(jobId));
    expect(await ttlMs()).toBeLessThanOrEqual(15_000);
    expect(await ttlMs()).toBeGreaterThan(5_000);
    await queue.add(job('a', { idempotencyKey: 'k', deadlineMs: 60_000 }));
    expect(await ttlMs()).toBeGreaterThan(60_000);
    await queue.add(job('a', { idempotencyKey: 'k', deadlineMs: 1 }));
    expect(await ttlMs()).toBeGreaterThan(30_000);
  });
});

describe('many jobs', () => {
  it('are added in one transaction, with the defaults of the queue', async () => {
    const added = await addAll(Array.from({ length: 1_000 }, (_, i) => job(`${i}`)));
    expect(new Set(added.map(({ jobId }) => jobId)).size).toBe(1_000);
    expect(await queue.counts()).toMatchObject({ prioritized: 1_000 });
    const reader = new Queue('completion', { connection: redis, prefix });
    closers.push(() => reader.close());
    const stored = await reader.getJob(added[7]!.jobId);
    expect(stored?.data).toEqual(job('7'));
    expect(stored?.opts).toMatchObject({ attempts: 5, removeOnComplete: true });
  });
});
