import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type QueueService, startQueueService } from './queue-service.fixture.js';
import { QueueTelemetry } from './queue-telemetry.js';
import { RejectedJobError } from './rejected-job-error.js';

const prefix = uniquePrefix();
const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const queue = new Queue('work', { connection: redis, prefix });
const seen = new Map<string, unknown>();
let service: QueueService;
let failures = 0;

beforeAll(async () => {
  service = await startQueueService({
    queue: 'work',
    redisUrl,
    prefix,
    telemetry: new QueueTelemetry(),
    extras: { concurrency: 1, lockDuration: 400, stalledInterval: 200 },
    handle: (payload, { jobId, enqueuedAt }) => {
      if (payload === 'fails') throw new Error(`failure ${++failures}`);
      seen.set(jobId, Number.isFinite(enqueuedAt) ? payload : 'no time');
      if (payload !== 'good') throw new RejectedJobError('not what I know');
    },
  });
});
afterAll(async () => {
  await service.app.close();
  await queue.close();
  await closeRedis(redis);
});

/** Writes a job as somebody would with redis-cli. */
async function writeByHand(jobId: string, fields: Record<string, string>): Promise<void> {
  await redis.hset(`${prefix}:work:${jobId}`, { name: 'work', data: '{}', opts: '{}', ...fields });
  await redis.lpush(`${prefix}:work:wait`, jobId);
  await redis.zadd(`${prefix}:work:marker`, 0, '0');
}

describe('a job that was written into Redis by hand', () => {
  it.each([
    ['data that is not JSON', 'not-json', { data: 'Robert"); DROP TABLE' }, 'Robert"); DROP TABLE'],
    ['data that is empty', 'empty', { data: '' }, {}],
    ['data that is null', 'null', { data: 'null' }, null],
    ['options that are not JSON', 'bad-opts', { opts: '{attempts:' }, {}],
    ['options that are no object', 'odd-opts', { opts: 'null' }, {}],
    ['a parent that is not JSON', 'bad-parent', { parent: 'x' }, {}],
    ['trace metadata that is not JSON', 'bad-trace', { opts: '{"tm":"nonsense"}' }, {}],
    ['trace metadata of a wrong type', 'odd-trace', { opts: '{"tm":{"a":1}}' }, {}],
    ['a time that is no number', 'odd-time', { timestamp: 'yesterday' }, {}],
    ['a number of runs that is none', 'odd-runs', { ats: 'many' }, {}],
    ['more runs than Redis can count', 'endless-runs', { ats: '9e15' }, {}],
    ['a number of attempts that is none', 'odd-attempts', { atm: 'many' }, {}],
    ['half an attempt', 'half-attempts', { atm: '1.5' }, {}],
    ['more attempts than Redis can count', 'endless-attempts', { atm: '9223372036854775807' }, {}],
    ['a number of takeovers that is none', 'odd-takeovers', { ats: 'many', stc: 'some' }, {}],
  ])('with %s reaches the handler, is refused by it, and stops nobody', async (_what, jobId, fields, payload) => {
    await writeByHand(jobId, fields);
    await vi.waitFor(() => expect(seen.has(jobId)).toBe(true));
    expect(seen.get(jobId)).toEqual(payload);
    await expect.poll(() => redis.zscore(`${prefix}:work:failed`, jobId)).not.toBeNull();
    await queue.add('work', 'good', { jobId: `after-${jobId}` });
    await vi.waitFor(() => expect(seen.has(`after-${jobId}`)).toBe(true));
  });

  it('with a number of attempts that is none is tried again as often as any other, and ends among the failed ones', async () => {
    await writeByHand('fails', { atm: 'many', data: '"fails"', opts: '{"attempts":3}' });
    await expect.poll(() => redis.zscore(`${prefix}:work:failed`, 'fails')).not.toBeNull();
    expect(failures).toBe(3);
  });

  it('without a hash stops nobody', async () => {
    await redis.lpush(`${prefix}:work:wait`, 'ghost');
    await queue.add('work', 'good', { jobId: 'after-ghost' });
    await vi.waitFor(() => expect(seen.has('after-ghost')).toBe(true));
  });
});
