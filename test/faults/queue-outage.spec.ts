import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QUEUES, UnderstudyError } from '#libs/contracts';
import { type BullContext, BullServer, CompletionQueue, ReplyChannel, ResultStore } from '#libs/queue';
import { uniquePrefix, SLACK_MS } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningRedis, startRedis } from '../../tools/redis/start-redis.js';

const prefix = uniquePrefix();
const job = { request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] } };
let redis: RunningRedis;
let dir: string;

// A Redis of its own: the one of the run is not to be stopped.
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'understudy-redis-'));
  redis = await startRedis({ persistent: { dir }, env: { ...process.env, REDIS_URL: undefined } });
});
afterAll(async () => {
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Works the completion queue off, and collects what it reports. */
function serve(location: { redisUrl: string; prefix: string }, handle: (context: BullContext) => Promise<void>) {
  const errors: Error[] = [];
  const server = new BullServer({
    ...location,
    onError: (error) => errors.push(error),
    patience: { drainMs: 100, handBackMs: 100 },
  });
  server.addHandler(QUEUES.completion, (_payload, context: BullContext) => handle(context) as Promise<never>);
  server.listen(() => undefined);
  return { server, errors };
}

describe('when Redis stops and comes back', () => {
  it('nothing is lost: workers go on, producers fail fast and recover, and whoever waits gets the answer', async () => {
    const location = { redisUrl: redis.url, prefix };
    const queue = new CompletionQueue(location);
    const replies = new ReplyChannel(location);
    const results = new ResultStore({ ...location, ttlMs: 60_000 });
    const error = new UnderstudyError('all_targets_failed', 'answered').toJSON();
    const release: (() => void)[] = [];
    const commits: string[] = [];
    const { server, errors } = serve(location, async ({ jobId }) => {
      if (jobId === 'in-hand') await new Promise<void>((resolve) => release.push(resolve));
      commits.push(await results.commit(jobId, { status: 'failed', error }, replies.address));
    });

    await queue.add(job, { jobId: 'in-hand' });
    await queue.add(job, { jobId: 'put-off', delayMs: 100 });
    const inHand = replies.waitFor('in-hand', { timeoutMs: 20_000 });
    await vi.waitFor(() => expect(release).toHaveLength(1));

    await redis.stop();
    const begun = performance.now();
    await expect(queue.add(job)).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect(performance.now() - begun).toBeLessThan(1_000 + SLACK_MS);
    // The provider answers while Redis is away: the commit waits.
    release.forEach((resolve) => resolve());

    await redis.restart();
    expect(await inHand).toMatchObject({ status: 'failed', error: { message: 'answered' } });
    expect(await replies.waitFor('put-off', { timeoutMs: 15_000 })).toMatchObject({ status: 'failed' });
    await vi.waitFor(() => queue.add(job, { jobId: 'afterwards' }));
    expect(await replies.waitFor('afterwards', { timeoutMs: 15_000 })).toMatchObject({ status: 'failed' });
    expect(commits).toEqual(['committed', 'committed', 'committed']);
    // One line for the outage, not one per attempt to reconnect.
    expect(errors.length).toBeLessThanOrEqual(1);

    await Promise.all([server.close(), queue.close(), replies.close(), results.close()]);
  }, 40_000);

  it('a process that was started before Redis begins to work when Redis comes', async () => {
    await redis.stop();
    const location = { redisUrl: redis.url, prefix: uniquePrefix() };
    const seen = vi.fn<() => Promise<void>>();
    const queue = new CompletionQueue(location);
    const { server } = serve(location, seen);
    await expect(queue.add(job)).rejects.toMatchObject({ code: 'queue_unavailable' });
    await expect(server.whenReady(50)).rejects.toThrow('no connection after 50 ms');

    await redis.restart();
    await server.whenReady(10_000);
    await queue.add(job);
    await vi.waitFor(() => expect(seen).toHaveBeenCalled());
    await Promise.all([server.close(), queue.close()]);
  }, 30_000);

  it('a process can stop while Redis is away', async () => {
    const location = { redisUrl: redis.url, prefix: uniquePrefix() };
    const { server } = serve(location, () => new Promise(() => undefined));
    await server.whenReady(10_000);
    const queue = new CompletionQueue(location);
    await queue.add(job);
    await expect.poll(() => queue.counts()).toMatchObject({ active: 1 });
    await redis.stop();
    const begun = performance.now();
    await Promise.all([server.close(), queue.close()]);
    expect(performance.now() - begun).toBeLessThan(2_500 + SLACK_MS);
    await redis.restart();
  }, 30_000);
});
