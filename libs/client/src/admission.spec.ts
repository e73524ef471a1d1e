import type { CompletionRequest } from '#libs/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClientUnderTest, openClient } from './client.fixture.js';
import { CompletionClient } from './completion-client.js';

const request: CompletionRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

let under: ClientUnderTest;
afterEach(() => under.close());

describe('a client with maxWaiting', () => {
  it('P8 refuses what is over it with queue_full, loses nothing of what it let in, and lets in again when there is room', async () => {
    under = openClient({ maxWaiting: 20 });
    const tries = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => under.client.enqueue({ ...request, seed: i })),
    );
    const refused = tries.filter((result) => result.status === 'rejected');
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'queue_full', retryable: true });
    const accepted = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(accepted).toHaveLength(20);
    expect(await under.queue.counts()).toMatchObject({ prioritized: 20 });
    under.route();
    for (const jobId of accepted)
      expect((await under.client.result(jobId, { waitMs: 10_000 }))?.understudy.jobId).toBe(jobId);
    await expect.poll(() => under.client.enqueue(request).catch(() => 'full')).not.toBe('full');
  });

  it('counts what others have added, and delayed jobs too, and refuses many that do not fit together', async () => {
    under = openClient({ maxWaiting: 4 });
    await under.queue.add({ request });
    await under.queue.add({ request }, { delayMs: 60_000 });
    const many = Array.from({ length: 3 }, () => ({ request }));
    await expect(under.client.enqueueMany(many)).rejects.toMatchObject({ code: 'queue_full' });
    expect(await under.queue.countWaiting()).toBe(2);
    expect(await under.client.enqueueMany(many.slice(1))).toHaveLength(2);
    await expect(under.client.complete(request)).rejects.toMatchObject({ code: 'queue_full' });
  });

  it('lets in whoever asks again for a job that is there', async () => {
    under = openClient({ maxWaiting: 1 });
    const jobId = await under.client.enqueue(request, { idempotencyKey: 'k' });
    await expect(under.client.enqueue(request)).rejects.toMatchObject({ code: 'queue_full' });
    expect(await under.client.enqueue(request, { idempotencyKey: 'k' })).toBe(jobId);
    await expect(under.client.enqueue(request, { idempotencyKey: 'k2' })).rejects.toMatchObject({ code: 'queue_full' });
  });

  it('says so while Redis is away, and has no limit when there is none', async () => {
    under = openClient({ maxWaiting: Infinity });
    expect(await under.client.enqueueMany(Array.from({ length: 50 }, () => ({ request })))).toHaveLength(50);
    const away = new CompletionClient({ redisUrl: 'redis://127.0.0.1:1', prefix: under.prefix, maxWaiting: 5 });
    await expect(away.enqueue(request)).rejects.toMatchObject({ code: 'queue_unavailable' });
    await away.close();
  });
});
