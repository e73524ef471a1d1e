import { uniquePrefix } from '#libs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ProbeQueue } from './probe-queue.js';
import { startQueueService } from './queue-service.fixture.js';

const redisUrl = process.env.REDIS_URL!;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

describe('ProbeQueue', () => {
  it('makes one ping per target and slot, however many probers add it, and when', async () => {
    const prefix = uniquePrefix();
    const probers = [1, 2, 3].map(() => new ProbeQueue({ redisUrl, prefix }));
    closers.push(...probers.map((queue) => () => queue.close()));
    const pinged: string[] = [];
    const { app } = await startQueueService({
      queue: 'probe',
      redisUrl,
      prefix,
      handle: (payload) => {
        const { target, slot } = payload as { target: string; slot: number };
        pinged.push(`${target}#${slot}`);
      },
    });
    closers.push(() => app.close());

    const addAll = (target: string, slot: number) =>
      Promise.all(probers.map((queue) => queue.add({ target, slot, intervalMs: 1_000 }, { delayMs: 20 })));
    // A colon is no good in BullMQ's ids, but it is in the names of some models.
    await Promise.all([addAll('a/one', 1), addAll('b/llama3:8b', 1)]);
    await vi.waitFor(() => expect(pinged).toHaveLength(2));
    // Late by a whole ping: it has been made already.
    await Promise.all([addAll('a/one', 1), addAll('a/one', 2)]);
    await vi.waitFor(() => expect(pinged).toHaveLength(3));
    expect(pinged.toSorted()).toEqual(['a/one#1', 'a/one#2', 'b/llama3:8b#1']);
  });
});
