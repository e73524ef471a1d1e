import { type CompletionJob, PRIORITIES } from '#libs/contracts';
import { uniquePrefix } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterEach, expect, test, vi } from 'vitest';
import { CompletionQueue } from './completion-queue.js';
import { JOB_PRIORITY } from './job-priority.js';
import { startQueueService } from './queue-service.fixture.js';

const redisUrl = process.env.REDIS_URL!;
const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A queue, and a worker that notes the order in which it takes jobs, one at a time, once it is started. */
function open() {
  const prefix = uniquePrefix();
  const queue = new CompletionQueue({ redisUrl, prefix });
  closers.push(() => queue.close());
  const order: string[] = [];
  const serve = async () => {
    const extras = { concurrency: 1 };
    const handle = (_payload: unknown, { jobId }: { jobId: string }) => void order.push(jobId);
    const service = await startQueueService({ queue: 'completion', redisUrl, prefix, extras, handle });
    closers.push(() => service.app.close());
  };
  const add = (jobId: string, job: Partial<CompletionJob> = {}) => queue.add({ request, ...job }, { jobId });
  return { prefix, add, serve, order };
}

test('G52 a high-priority job passes 1,000 low ones that wait', async () => {
  const { add, serve, order } = open();
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => add(`low-${i}`, { priority: 'low' })));
  await add('high', { priority: 'high' });
  await serve();
  await vi.waitFor(() => expect(order).toHaveLength(1_001), 15_000);
  expect(order[0]).toBe('high');
});

test('jobs are taken by urgency, and in the order in which they came within one class', async () => {
  const { add, serve, order } = open();
  await add('low', { priority: 'low' });
  await add('unsaid');
  await add('normal', { priority: 'normal' });
  await add('high-1', { priority: 'high' });
  await add('high-2', { priority: 'high' });
  await serve();
  await vi.waitFor(() => expect(order).toEqual(['high-1', 'high-2', 'unsaid', 'normal', 'low']));
});

test('a job that another producer adds without a priority is taken before all', async () => {
  const { prefix, add, serve, order } = open();
  await add('high', { priority: 'high' });
  const plain = new Queue('completion', { connection: { url: redisUrl }, prefix });
  closers.push(() => plain.close());
  await plain.add('job', { request }, { jobId: 'plain' });
  await serve();
  await vi.waitFor(() => expect(order).toEqual(['plain', 'high']));
});

test('between the numbers of two classes there is room for jobs that go on in front of the second', () => {
  const numbers = PRIORITIES.map((priority) => JOB_PRIORITY[priority]);
  for (const [i, number] of numbers.entries()) expect(number - (numbers[i - 1] ?? 0)).toBeGreaterThan(2);
});
