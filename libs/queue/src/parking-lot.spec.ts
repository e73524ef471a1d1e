import { type CompletionJob, type Priority, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { BullContext } from './bull-context.js';
import { CompletionQueue } from './completion-queue.js';
import { ParkingLot } from './parking-lot.js';
import { startQueueService } from './queue-service.fixture.js';

const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const request: CompletionJob['request'] = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});
afterAll(() => closeRedis(redis));

const GROUP = { name: 'g', waitsFor: '{}' };

/** Lets up to `most` jobs of the one group go. */
async function release(lot: ParkingLot, most: number, room: number) {
  const { groups } = await lot.release([{ group: 'g', most }], room);
  const { released = NaN, left = NaN } = groups[0] ?? {};
  return { released, left };
}

/** A queue whose worker parks each job the first time, and notes the order in which it takes them after that. */
async function open({ concurrency = 1, group = GROUP } = {}) {
  const location = { redisUrl, prefix: uniquePrefix() };
  const keys = redisKeys(location.prefix);
  const queue = new CompletionQueue(location);
  const lot = new ParkingLot('completion', location);
  const order: string[] = [];
  const until = Date.now() + 60_000;
  const handle = async (_payload: unknown, context: BullContext) => {
    const { jobId, job, enqueuedAt } = context;
    if (job.attemptsStarted > 1) return void order.push(jobId);
    await lot.enter({ jobId, priority: job.priority, enqueuedAt }, group);
    return context.parkUntil(until);
  };
  const serve = () => startQueueService({ queue: 'completion', ...location, extras: { concurrency }, handle });
  closers.push(
    () => queue.close(),
    () => lot.close(),
  );
  let service = await serve();
  closers.push(() => service.app.close());
  return {
    ...location,
    keys,
    queue,
    lot,
    order,
    add: (jobId: string, priority?: Priority) => queue.add({ request, priority }, { jobId }),
    delayed: () => redis.zcard(`${location.prefix}:completion:delayed`),
    /** Stops the worker, does something, and starts another. */
    whileStopped: async (work: () => Promise<unknown>) => {
      await service.app.close();
      await work();
      service = await serve();
    },
  };
}

/** Milliseconds in which the clock goes on, so that two jobs have two times. */
const nextMillisecond = () => {
  const now = Date.now();
  return vi.waitFor(() => expect(Date.now()).toBeGreaterThan(now), { interval: 1 });
};

describe('parked jobs', () => {
  test('wait, and go on when they are let go', async () => {
    const { add, lot, order, delayed } = await open();
    await add('one');
    await expect.poll(delayed).toBe(1);
    expect(await lot.count()).toBe(1);
    expect(await release(lot, 10, 10)).toEqual({ released: 1, left: 0 });
    await vi.waitFor(() => expect(order).toEqual(['one']));
  });

  test('go on by urgency and by age, whatever the order in which they were parked', async () => {
    const { add, lot, order, delayed } = await open({ concurrency: 10 });
    const jobs: [id: string, priority: Priority][] = [
      ['low-1', 'low'],
      ['normal-1', 'normal'],
      ['high-1', 'high'],
      ['normal-2', 'normal'],
      ['high-2', 'high'],
    ];
    for (const [id, priority] of jobs) {
      await add(id, priority);
      await nextMillisecond();
    }
    await expect.poll(delayed).toBe(5);
    for (let i = 0; i < 5; i++) {
      expect(await release(lot, 1, 10)).toEqual({ released: 1, left: 4 - i });
      await vi.waitFor(() => expect(order).toHaveLength(i + 1));
    }
    expect(order).toEqual(['high-1', 'high-2', 'normal-1', 'normal-2', 'low-1']);
  });

  test('go in front of their class, and pass nobody who is more urgent', async () => {
    const { prefix, add, lot, order, delayed, whileStopped } = await open();
    for (const id of ['parked-1', 'parked-2']) {
      await add(id);
      await nextMillisecond();
    }
    await expect.poll(delayed).toBe(2);
    await whileStopped(async () => {
      await add('fresh-normal', 'normal');
      await add('fresh-high', 'high');
      // As if they had been taken up before, so that the worker notes them instead of parking them.
      for (const id of ['fresh-normal', 'fresh-high']) await redis.hset(`${prefix}:completion:${id}`, 'ats', 1);
      expect(await release(lot, 10, 10)).toEqual({ released: 2, left: 0 });
    });
    await vi.waitFor(() => expect(order).toEqual(['fresh-high', 'parked-1', 'parked-2', 'fresh-normal']));
  });

  test('of a producer that sets no priority go on before all others, in their order', async () => {
    const { prefix, lot, order, delayed, add, whileStopped } = await open();
    const plain = new Queue('completion', { connection: { url: redisUrl }, prefix });
    closers.push(() => plain.close());
    for (const id of ['plain-1', 'plain-2']) {
      await plain.add('job', { request }, { jobId: id });
      await nextMillisecond();
    }
    await add('high', 'high');
    await expect.poll(delayed).toBe(3);
    await whileStopped(() => release(lot, 10, 10));
    await vi.waitFor(() => expect(order).toEqual(['plain-1', 'plain-2', 'high']));
  });

  test('are let go in portions: no more of a class than there is room for in front', async () => {
    const { add, lot, order, delayed, whileStopped } = await open({ concurrency: 10 });
    await Promise.all([...Array(6).keys()].map((i) => add(`normal-${i}`, i < 5 ? 'normal' : 'low')));
    await expect.poll(delayed).toBe(6);
    await whileStopped(async () => {
      expect(await release(lot, 2, 3)).toEqual({ released: 2, left: 4 });
      expect(await release(lot, 10, 3)).toEqual({ released: 2, left: 2 });
      expect(await release(lot, 10, 3)).toEqual({ released: 0, left: 2 });
    });
    await vi.waitFor(() => expect(order).toHaveLength(4));
    expect(order.at(-1)).toBe('normal-5');
    expect(await release(lot, 10, 3)).toEqual({ released: 2, left: 0 });
    await vi.waitFor(() => expect(order).toHaveLength(6));
  });

  test('are let go once each, however many processes do so at the same time', async () => {
    const { add, lot, order, delayed } = await open({ concurrency: 20 });
    await Promise.all([...Array(100).keys()].map((i) => add(`job-${i}`)));
    await expect.poll(delayed).toBe(100);
    const released = await Promise.all([...Array(20).keys()].map(() => release(lot, 10, 1_000)));
    expect(released.reduce((sum, one) => sum + one.released, 0)).toBe(100);
    await vi.waitFor(() => expect(order).toHaveLength(100));
    expect(new Set(order).size).toBe(100);
  });

  test('stay while their group is on hold', async () => {
    const { lot, keys, add, delayed } = await open();
    await add('one');
    await expect.poll(delayed).toBe(1);
    await lot.enter({ jobId: 'one', priority: 20, enqueuedAt: Date.now() }, GROUP, 60_000);
    expect(await release(lot, 10, 10)).toEqual({ released: 0, left: 1 });
    await redis.del(keys.parkedHold('g'));
    expect(await release(lot, 10, 10)).toEqual({ released: 1, left: 0 });
  });
});

describe('jobs of many groups', () => {
  const waitsFor = '{}';
  /** One delayed job in each of so many groups, the oldest in the last one. */
  async function openMany(groups: number) {
    const location = { redisUrl, prefix: uniquePrefix() };
    const [queue, lot] = [new CompletionQueue(location), new ParkingLot('completion', location)];
    closers.push(
      () => queue.close(),
      () => lot.close(),
    );
    const names = [...Array(groups).keys()].map((i) => `g-${i}`);
    await Promise.all(
      names.map(async (name, i) => {
        await queue.add({ request }, { jobId: `job-${i}`, delayMs: 60_000 });
        await lot.enter({ jobId: `job-${i}`, priority: 20, enqueuedAt: 1_000_000 - i }, { name, waitsFor });
      }),
    );
    const front = () => redis.zrange(`${location.prefix}:completion:prioritized`, '0', '-1');
    return { ...location, lot, names, front, asks: names.map((group) => ({ group, most: 5 })) };
  }

  test('go by one script, a hundred at most, the oldest first whatever their groups', async () => {
    const { lot, asks, front, names } = await openMany(150);
    const { groups, isFull } = await lot.release(asks, 1_000);
    expect(isFull).toBe(false);
    expect(groups.map(({ released }) => released)).toEqual(names.map((_, i) => (i >= 50 ? 1 : 0)));
    expect(await front()).toEqual(names.map((_, i) => `job-${149 - i}`).slice(0, 100));
    expect(await lot.names()).toHaveLength(50);
  });

  test('share the room in front: it is told when there is none left', async () => {
    const { lot, asks, front } = await openMany(10);
    const { groups, isFull } = await lot.release(asks, 3);
    expect(isFull).toBe(true);
    expect(groups.filter(({ released }) => released > 0)).toHaveLength(3);
    expect(await front()).toEqual(['job-9', 'job-8', 'job-7']);
  });

  test('are let go but for those of a group that is on hold', async () => {
    const { lot, asks } = await openMany(3);
    await lot.enter({ jobId: 'job-1', priority: 20, enqueuedAt: 1 }, { name: 'g-1', waitsFor }, 60_000);
    const { groups } = await lot.release(asks, 10);
    expect(groups.map(({ released }) => released)).toEqual([1, 0, 1]);
    expect(groups[1]?.holdMs).toBeGreaterThan(0);
  });

  test('are counted without being touched, with the place of the first of each group', async () => {
    const { lot, names, front } = await openMany(300);
    const looks = await lot.look([...names, 'empty']);
    expect(looks.map(({ left }) => left)).toEqual([...names.map(() => 1), 0]);
    expect(looks[1]?.next).toBeLessThan(looks[0]?.next ?? 0);
    expect(looks[0]?.priority).toBe(20);
    expect(looks.at(-1)).toMatchObject({ released: 0, next: Infinity });
    expect(await front()).toEqual([]);
  });
});

describe('a group', () => {
  test('is known with what it waits for from its first job to its last', async () => {
    const { lot } = await open();
    const enter = (jobId: string) => lot.enter({ jobId, priority: 20, enqueuedAt: 1 }, GROUP);
    expect(await enter('one')).toBe(true);
    expect(await enter('two')).toBe(false);
    expect(await lot.groups()).toEqual([GROUP]);
    await lot.leave('g', 'one');
    expect(await lot.groups()).toEqual([GROUP]);
    await lot.leave('g', 'two');
    expect(await lot.groups()).toEqual([]);
    expect(await lot.count()).toBe(0);
  });

  test('forgets jobs that have ended, when its turn comes', async () => {
    const { lot } = await open();
    await lot.enter({ jobId: 'gone', priority: 20, enqueuedAt: 1 }, GROUP);
    expect(await release(lot, 10, 10)).toEqual({ released: 0, left: 0 });
    expect(await lot.groups()).toEqual([]);
  });

  test('forgets them also while nobody can go on, and no job that waits', async () => {
    const { lot, prefix, add, delayed } = await open();
    await add('waits');
    await expect.poll(delayed).toBe(1);
    const gone = [...Array(1_500).keys()].map((i) => `gone-${i}`);
    await Promise.all(gone.map((jobId) => lot.enter({ jobId, priority: 20, enqueuedAt: 1 }, GROUP)));
    await redis.set(`${prefix}:completion:on-its-way:lock`, 'token');
    await lot.enter({ jobId: 'on-its-way', priority: 10, enqueuedAt: 1 }, GROUP);
    let from = 0;
    do from = await lot.sweep('g', from);
    while (from > 0);
    expect(await lot.count()).toBe(2);
  });
});

describe('a key that somebody has written over', () => {
  async function openMended() {
    const location = { redisUrl, prefix: uniquePrefix() };
    const told: string[] = [];
    const lot = new ParkingLot('completion', { ...location, onMended: (keys) => told.push(...keys) });
    const queue = new CompletionQueue(location);
    closers.push(
      () => lot.close(),
      () => queue.close(),
    );
    const park = async (jobId: string, group: string) => {
      await queue.add({ request }, { jobId, delayMs: 60_000 });
      return lot.enter({ jobId, priority: 20, enqueuedAt: 1 }, { name: group, waitsFor: '{}' });
    };
    return { lot, told, park, keys: redisKeys(location.prefix) };
  }
  const ask = (...groups: string[]) => groups.map((group) => ({ group, most: 5 }));

  test('is a group: it is taken away once, and the others go on', async () => {
    const { lot, told, park, keys } = await openMended();
    await park('one', 'good');
    await redis.hset(keys.parkedGroups, 'bad', '{}');
    await redis.set(keys.parked('bad'), 'garbage');
    expect(await lot.count()).toBe(1);
    const { groups } = await lot.release(ask('bad', 'good'), 10);
    expect(groups.map(({ released, left }) => [released, left])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(told).toEqual([keys.parked('bad')]);
    expect(await lot.names()).toEqual([]);
  });

  test.each([
    ['parking', 'enter'],
    ['leaving', 'leave'],
    ['the sweep', 'sweep'],
  ] as const)('is a group: %s is not in its way', async (_what, step) => {
    const { lot, told, park, keys } = await openMended();
    await redis.set(keys.parked('g'), 'garbage');
    if (step === 'enter') expect(await park('one', 'g')).toBe(true);
    else if (step === 'leave') await lot.leave('g', 'one');
    else expect(await lot.sweep('g', 0)).toBe(0);
    expect(told).toEqual([keys.parked('g')]);
    expect(await lot.count()).toBe(step === 'enter' ? 1 : 0);
  });

  test('is the list of groups: those that have jobs are listed again', async () => {
    const { lot, told, park, keys } = await openMended();
    await park('one', 'g');
    await redis.set(keys.parkedGroups, 'garbage');
    expect(await lot.names()).toEqual([]);
    expect(told).toEqual([keys.parkedGroups]);
    const known = ['g', 'empty'].map((name) => ({ name, waitsFor: '{}' }));
    expect(await lot.restore(known)).toEqual(['g']);
    expect(await lot.groups()).toEqual([known[0]]);
  });

  test('is a hold: one without an end holds nobody', async () => {
    const { lot, told, park, keys } = await openMended();
    await park('one', 'g');
    await redis.set(keys.parkedHold('g'), 'garbage');
    expect((await lot.release(ask('g'), 10)).groups[0]).toMatchObject({ released: 1, left: 0 });
    expect(told).toEqual([keys.parkedHold('g')]);
  });
});

test('a job that is let go before it has quite arrived stays in its group', async () => {
  const { lot, prefix } = await open();
  await redis.set(`${prefix}:completion:one:lock`, 'token');
  await lot.enter({ jobId: 'one', priority: 20, enqueuedAt: Date.now() }, GROUP);
  expect(await release(lot, 10, 10)).toEqual({ released: 0, left: 1 });
});

test('a job whose process dies before it has quite arrived is taken up again by another', async () => {
  const prefix = uniquePrefix();
  const location = { redisUrl, prefix };
  const queue = new CompletionQueue(location);
  const lot = new ParkingLot('completion', location);
  const worker = { lockDuration: 600, stalledInterval: 300 };
  const dying = await startQueueService({
    queue: 'completion',
    ...location,
    worker,
    patience: { drainMs: 0, handBackMs: 0 },
    handle: async (_payload, { jobId }) => {
      await lot.enter({ jobId, priority: 20, enqueuedAt: Date.now() }, GROUP);
      dying.server.unwrap<{ disconnect(): void }>().disconnect();
      await new Promise(() => undefined);
    },
  });
  closers.push(
    () => queue.close(),
    () => lot.close(),
    () => dying.app.close(),
  );
  await queue.add({ request }, { jobId: 'one' });
  await expect.poll(() => lot.count()).toBe(1);
  const taken = vi.fn();
  const other = await startQueueService({ queue: 'completion', ...location, worker, handle: taken });
  closers.push(() => other.app.close());
  await vi.waitFor(() => expect(taken).toHaveBeenCalled());
  await expect.poll(() => release(lot, 10, 10)).toEqual({ released: 0, left: 0 });
});
