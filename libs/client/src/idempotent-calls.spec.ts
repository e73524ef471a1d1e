import { type CompletionRequest, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientUnderTest, openClient } from './client.fixture.js';
import { CompletionClient } from './completion-client.js';

const request: CompletionRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const other: CompletionRequest = { model: 'm', messages: [{ role: 'user', content: 'something else' }] };

let under: ClientUnderTest;
beforeEach(() => {
  under = openClient();
});
afterEach(() => under.close());

describe('calls with the same idempotency key', () => {
  it('are one job, worked on once, whose one result everybody gets, also when 10,000 ask at once', async () => {
    under.route();
    const asked = Array.from({ length: 10_000 }, () => under.client.complete(request, { idempotencyKey: 'order-1' }));
    const answers = await Promise.all(asked);
    expect(under.worked).toHaveLength(1);
    expect(new Set(answers.map(({ understudy }) => understudy.jobId))).toEqual(new Set(under.worked));
  }, 60_000);

  it('get the answer of a job that is finished, in any process, by complete as well as by enqueue', async () => {
    under.route();
    const { understudy } = await under.client.complete(request, { idempotencyKey: 'k' });
    const later = new CompletionClient({ redisUrl: under.redisUrl, prefix: under.prefix });
    const again = await later.complete(request, { idempotencyKey: 'k', timeoutMs: 10_000, priority: 'low' });
    expect(again.understudy.jobId).toBe(understudy.jobId);
    expect(await later.enqueue(request, { idempotencyKey: 'k' })).toBe(understudy.jobId);
    await later.close();
    expect(under.worked).toHaveLength(1);
  });

  it('get the same failure after the job failed, and a new job when that has expired', async () => {
    under.route('fail');
    const ask = () => under.client.complete(request, { idempotencyKey: 'k', timeoutMs: 10_000 });
    await expect(ask()).rejects.toMatchObject({ code: 'all_targets_failed' });
    await expect(ask()).rejects.toMatchObject({ code: 'all_targets_failed' });
    expect(under.worked).toHaveLength(1);
    const redis = connectRedis({ url: under.redisUrl, name: 'test', patience: 'patient' });
    await redis.del(redisKeys(under.prefix).result(under.worked[0]!));
    await closeRedis(redis);
    await expect(ask()).rejects.toMatchObject({ code: 'all_targets_failed' });
    expect(under.worked).toHaveLength(2);
  });

  it('are refused when they ask for something else, before and after the first is answered', async () => {
    const options = { idempotencyKey: 'k' };
    const conflict = { code: 'idempotency_conflict', field: 'idempotencyKey', retryable: false };
    const jobId = await under.client.enqueue(request, options);
    await expect(under.client.enqueue(other, options)).rejects.toMatchObject(conflict);
    const elsewhere = { ...options, routing: { pin: 'a/m' } };
    await expect(under.client.enqueue(request, elsewhere)).rejects.toMatchObject(conflict);
    under.route();
    await under.client.result(jobId, { waitMs: 10_000 });
    await expect(under.client.complete(other, options)).rejects.toMatchObject(conflict);
    await expect(under.client.enqueueMany([{ request: other, ...options }])).rejects.toMatchObject({
      code: 'idempotency_conflict',
      field: '[0].idempotencyKey',
    });
    expect(await under.client.enqueue(other, { ...options, tenant: 'another' })).not.toBe(jobId);
  });
});
