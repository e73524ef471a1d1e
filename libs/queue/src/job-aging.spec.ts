import { type Priority, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { CompletionQueue } from './completion-queue.js';
import { JobAging } from './job-aging.js';

const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const MINUTE = 60_000;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});
afterAll(() => closeRedis(redis));

/** A queue without a worker: what is in it stays in order, to be looked at. */
function open() {
  const prefix = uniquePrefix();
  const location = { redisUrl, prefix };
  const queue = new CompletionQueue(location);
  const aging = new JobAging('completion', location);
  closers.push(
    () => queue.close(),
    () => aging.close(),
  );
  const prioritized = `${prefix}:completion:prioritized`;
  return {
    aging,
    /** Adds jobs that have waited for so long already. */
    add: async (priority: Priority, ids: string[], waitedMs = 0) => {
      for (const jobId of ids) {
        await queue.add({ request, priority }, { jobId });
        await redis.hset(`${prefix}:completion:${jobId}`, 'timestamp', String(Date.now() - waitedMs));
      }
    },
    queue,
    setHash: (jobId: string, field: string, value: string) => redis.hset(`${prefix}:completion:${jobId}`, field, value),
    look: async () => {
      await redis.del(redisKeys(prefix).aging);
      return aging.look(MINUTE, 1_000);
    },
    order: () => redis.zrange(prioritized, '0', '-1'),
    /** The next job is taken. */
    take: async () => (await redis.zpopmin(prioritized))[0],
  };
}

const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`);

describe('aging', () => {
  test('moves nobody who has not waited for long', async () => {
    const { add, look, order } = open();
    await add('high', named('high', 10));
    await add('low', named('low', 3), MINUTE / 2);
    expect(await look()).toEqual({ moved: 0, waiting: 13 });
    expect((await order()).at(-1)).toBe('low-2');
  });

  test('puts one aged job behind every four more urgent ones, the oldest first, and the rest stay', async () => {
    const { add, look, order } = open();
    await add('high', named('high', 9));
    await add('low', named('low', 4), 2 * MINUTE);
    await add('normal', ['normal'], 3 * MINUTE);
    expect(await look()).toEqual({ moved: 2, waiting: 14 });
    expect(await order()).toEqual([
      ...named('high', 4),
      'normal',
      ...named('high', 8).slice(4),
      'low-0',
      'high-8',
      ...named('low', 4).slice(1),
    ]);
  });

  test('does not take more than that when it is done again and again', async () => {
    const { add, look, order } = open();
    await add('high', named('high', 8));
    await add('low', named('low', 4), 2 * MINUTE);
    await look();
    const after = await order();
    for (let i = 0; i < 5; i++) expect(await look()).toMatchObject({ moved: 0 });
    expect(await order()).toEqual(after);
  });

  test('G52 works off low jobs while more high ones come than can be worked off', async () => {
    const { add, look, take } = open();
    await add('low', named('low', 20), 2 * MINUTE);
    const taken: string[] = [];
    for (let round = 0; round < 20; round++) {
      await add('high', named(`high-${round}`, 12));
      await look();
      for (let i = 0; i < 10; i++) taken.push((await take())!);
    }
    const low = taken.filter((id) => id.startsWith('low'));
    expect(low).toEqual(named('low', 20));
    // A fifth of the work, not more, as long as there were any.
    const last = taken.lastIndexOf('low-19');
    expect(last).toBeGreaterThan(75);
    expect(last).toBeLessThan(125);
  });

  test('works them off too where there is never more than one high job waiting', async () => {
    const { add, look, take } = open();
    await add('low', named('low', 3), 2 * MINUTE);
    await add('high', ['high-0']);
    const taken: string[] = [];
    for (let i = 1; i <= 12; i++) {
      await look();
      await add('high', [`high-${i}`]);
      taken.push((await take())!);
    }
    expect(taken.filter((id) => id.startsWith('low'))).toEqual(named('low', 3));
  });

  test('G52 a thousand aged low jobs keep no new high one waiting: one of them at most goes first', async () => {
    const { add, look, order } = open();
    await add('low', named('low', 1_000), 2 * MINUTE);
    await add('normal', ['normal']);
    for (let i = 0; i < 3; i++) await look();
    await add('high', ['high']);
    expect((await order()).indexOf('high')).toBe(0);
    for (let i = 0; i < 3; i++) await look();
    await add('high', ['second']);
    expect((await order()).slice(0, 3)).toEqual(['high', 'low-0', 'second']);
  });

  test('looks at no more than the front of a long queue', async () => {
    const { add, look } = open();
    await add('high', named('high', 2_000));
    await add('low', named('low', 400), 2 * MINUTE);
    expect(await look()).toEqual({ moved: 250, waiting: 2_400 });
  }, 60_000);

  test('counts from when a job was to be started', async () => {
    const { add, look, setHash } = open();
    await add('high', named('high', 4));
    await add('low', ['later'], 2 * MINUTE);
    await setHash('later', 'opts', JSON.stringify({ delay: 1.5 * MINUTE }));
    expect(await look()).toMatchObject({ moved: 0 });
  });

  test.each([
    ['options that are not JSON', 'opts', 'nonsense', 1],
    ['a time that is no number', 'timestamp', 'yesterday', 0],
  ])('goes on over a job with %s', async (_what, field, value, moved) => {
    const { add, look, setHash } = open();
    await add('high', named('high', 4));
    await add('low', ['odd'], 2 * MINUTE);
    await setHash('odd', field, value);
    expect(await look()).toMatchObject({ moved });
  });

  test('is done by one process at a time', async () => {
    const { add, aging } = open();
    await add('high', named('high', 4));
    await add('low', ['low'], 2 * MINUTE);
    const looks = await Promise.all(Array.from({ length: 10 }, () => aging.look(MINUTE, 60_000)));
    expect(looks.filter(({ waiting }) => waiting >= 0)).toEqual([{ moved: 1, waiting: 5 }]);
  });
});
