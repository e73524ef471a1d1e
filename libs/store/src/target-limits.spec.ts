import { redisKeys } from '#libs/contracts';
import { connectRedis, redisTimeMs } from '#libs/redis';
import { redisGate, uniquePrefix } from '#libs/testing';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { type Place, TargetLimits, type TargetLimit } from './target-limits.js';

const redisUrl = process.env.REDIS_URL!;
const redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
const open: TargetLimits[] = [];
afterEach(() => Promise.all(open.splice(0).map((limits) => limits.close())));
afterAll(() => redis.quit());

function limitsAt(prefix: string, windowMs?: number, url = redisUrl): TargetLimits {
  const limits = new TargetLimits({ redisUrl: url, prefix, ...(windowMs !== undefined && { windowMs }) });
  open.push(limits);
  return limits;
}

const ASKED = { tokens: 10, callMs: 30_000, nextEndMs: 200 };
const take = (limits: TargetLimits, limit: TargetLimit, tokens = 10) => limits.take('t', limit, { ...ASKED, tokens });
/** Takes a place that is known to be there. */
async function placed(limits: TargetLimits, limit: TargetLimit, tokens?: number): Promise<Place> {
  const answer = await take(limits, limit, tokens);
  if (!answer.granted) throw new Error(`refused by ${answer.kind}`);
  return answer.place;
}

describe('limits shared by two processes', () => {
  test('grant exactly the configured calls, however many ask at once, and say when the next may come', async () => {
    const prefix = uniquePrefix();
    const both = [limitsAt(prefix), limitsAt(prefix)];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => take(both[i % 2]!, { requestsPerMinute: 25 })),
    );
    expect(answers.filter(({ granted }) => granted)).toHaveLength(25);
    for (const answer of answers.filter(({ granted }) => !granted)) {
      expect(answer).toMatchObject({ granted: false, kind: 'requests', room: 0 });
      expect(answer.waitMs).toBeGreaterThan(58_000);
      expect(answer.waitMs).toBeLessThanOrEqual(62_000);
    }
  });

  test('tell how much room is left, and with none how long to wait, before anybody is refused', async () => {
    const limits = limitsAt(uniquePrefix());
    const told = [];
    for (let i = 0; i < 3; i++) told.push(await take(limits, { requestsPerMinute: 100, maxInFlight: 3 }));
    expect(told.map(({ room }) => room)).toEqual([2, 1, 0]);
    expect(told.map(({ waitMs, kind }) => [waitMs, kind])).toEqual([
      [0, 'in_flight'],
      [0, 'in_flight'],
      [200, 'in_flight'],
    ]);
  });

  test('count each window by the time of Redis, and never let more than the limit begin within it', async () => {
    const prefix = uniquePrefix();
    const both = [limitsAt(prefix, 500), limitsAt(prefix, 500)];
    const begins: number[] = [];
    const until = performance.now() + 5_000;
    await Promise.all(
      [0, 1, 2, 3].map(async (i) => {
        while (performance.now() < until) {
          const before = await redisTimeMs(redis, prefix);
          const answer = await take(both[i % 2]!, { requestsPerMinute: 7 });
          if (answer.granted) begins.push(before);
          else await new Promise((resolve) => setTimeout(resolve, answer.waitMs));
        }
      }),
    );
    const sorted = begins.toSorted((x, y) => x - y);
    // It was granted after `before`, and the slack of a second is more than that may be.
    for (const [i, at] of sorted.entries())
      expect(sorted.slice(i).filter((other) => other - at <= 500).length).toBeLessThanOrEqual(7);
    expect(sorted.length).toBeGreaterThan(14);
  });
});

describe('tokens', () => {
  test('are reserved when a call begins, and what it really used counts once it has ended', async () => {
    const limits = limitsAt(uniquePrefix());
    const limit = { tokensPerMinute: 100 };
    const first = await placed(limits, limit, 80);
    expect(await take(limits, limit, 30)).toMatchObject({ granted: false, kind: 'tokens', waitMs: 0 });
    first.giveBack(20);
    await vi.waitFor(async () => expect((await take(limits, limit, 30)).granted).toBe(true));
    expect(await take(limits, limit, 51)).toMatchObject({ granted: false });
    expect(await take(limits, limit, 50)).toMatchObject({ granted: true, room: 0 });
  });

  test('of a call whose use nobody knows stay as they were reserved', async () => {
    const limits = limitsAt(uniquePrefix());
    const limit = { tokensPerMinute: 100 };
    (await placed(limits, limit, 60)).giveBack();
    const known = await placed(limits, limit, 40);
    expect((await take(limits, limit, 1)).granted).toBe(false);
    known.giveBack(30);
    await vi.waitFor(async () => expect((await take(limits, limit, 10)).granted).toBe(true));
    expect((await take(limits, limit, 1)).granted).toBe(false);
  });

  test('of a call that needs more than the whole limit are granted when nothing else is in the window', async () => {
    const limits = limitsAt(uniquePrefix());
    const limit = { tokensPerMinute: 100 };
    const small = await placed(limits, limit, 1);
    const refused = await take(limits, limit, 5_000);
    expect(refused).toMatchObject({ granted: false, kind: 'tokens', waitMs: 0 });
    expect(refused.granted || refused.ownWaitMs).toBeGreaterThan(58_000);
    small.giveBack(0);
    await vi.waitFor(async () => expect((await take(limits, limit, 5_000)).granted).toBe(true));
    expect((await take(limits, limit, 1)).granted).toBe(false);
  });
});

describe('calls under way', () => {
  test('hold their place until they end', async () => {
    const limits = limitsAt(uniquePrefix());
    const places = [await placed(limits, { maxInFlight: 2 }), await placed(limits, { maxInFlight: 2 })];
    expect(await take(limits, { maxInFlight: 2 })).toMatchObject({ granted: false, kind: 'in_flight', waitMs: 200 });
    places[0]!.giveBack();
    await vi.waitFor(async () => expect((await take(limits, { maxInFlight: 2 })).granted).toBe(true));
  });

  test('of a process that vanished lose it when they must have ended', async () => {
    const prefix = uniquePrefix();
    const limits = limitsAt(prefix);
    await limits.take('t', { maxInFlight: 1 }, { ...ASKED, callMs: 1_000 });
    const key = redisKeys(prefix).limitInFlight('t');
    const [, leaseEnd] = await redis.zrange(key, '0', '-1', 'WITHSCORES');
    const leftMs = Number(leaseEnd) - (await redisTimeMs(redis, key));
    expect(leftMs).toBeGreaterThan(1_000);
    expect(leftMs).toBeLessThanOrEqual(6_000);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(6_000);
    await redis.zadd(key, '1', String((await redis.zrange(key, '0', '0'))[0]));
    expect((await take(limits, { maxInFlight: 1 })).granted).toBe(true);
  });
});

test('the clock of Redis may be set back: what was counted ahead of it counts as of now', async () => {
  const prefix = uniquePrefix();
  const limits = limitsAt(prefix);
  await redis.hset(redisKeys(prefix).limitWindow('t', 'requests'), String(Math.floor(Date.now() / 1_000) + 3_600), '5');
  const answer = await take(limits, { requestsPerMinute: 5 });
  expect(answer.granted).toBe(false);
  expect(answer.waitMs).toBeLessThanOrEqual(62_000);
});

test('nothing is left in Redis after a little more than the window', async () => {
  const prefix = uniquePrefix();
  const limits = limitsAt(prefix);
  await placed(limits, { requestsPerMinute: 5, tokensPerMinute: 50 });
  for (const kind of ['requests', 'tokens'] as const) {
    const ttl = await redis.pttl(redisKeys(prefix).limitWindow('t', kind));
    expect(ttl).toBeGreaterThan(60_000);
    expect(ttl).toBeLessThanOrEqual(63_000);
  }
});

test('while the count cannot be reached there is no place, and nobody waits long to hear so', async () => {
  const gate = await redisGate(redisUrl);
  const limits = limitsAt(uniquePrefix(), undefined, gate.url);
  expect((await take(limits, { requestsPerMinute: 5 })).granted).toBe(true);
  await gate.shut();
  expect(await take(limits, { requestsPerMinute: 5 })).toEqual({
    granted: false,
    kind: 'unreachable',
    room: 0,
    waitMs: 500,
    ownWaitMs: 500,
  });
  await gate.open();
  await vi.waitFor(async () => expect((await take(limits, { requestsPerMinute: 5 })).granted).toBe(true));
  await limits.close();
  await gate.shut();
});

test('an answer counts that came in time to a process which was held up itself', async () => {
  const limits = limitsAt(uniquePrefix());
  await placed(limits, { requestsPerMinute: 5 });
  const answer = take(limits, { requestsPerMinute: 5 });
  // The question is on its way; nothing is read for longer than an answer may take.
  await Promise.resolve();
  for (const until = performance.now() + 1_200; performance.now() < until;);
  expect(await answer).toMatchObject({ granted: true });
});

describe('what somebody has written into the count of a target by hand', () => {
  const LIMIT = { requestsPerMinute: 100, tokensPerMinute: 1_000, maxInFlight: 5 };
  const asked = { ...ASKED, tokens: 10 };

  /** Limits of a new prefix, its keys, and what was told of keys that were mended. */
  function openAt() {
    const prefix = uniquePrefix();
    const told: string[] = [];
    const limits = new TargetLimits({ redisUrl, prefix, onMended: (keys) => told.push(...keys) });
    open.push(limits);
    const keys = redisKeys(prefix);
    return {
      limits,
      told,
      requests: keys.limitWindow('t', 'requests'),
      tokens: keys.limitWindow('t', 'tokens'),
      inFlight: keys.limitInFlight('t'),
    };
  }

  test.each([
    ['fields that are no time', { yesterday: '5', '': '1', '12.5': '1' }],
    ['counts that are none', { '1': 'many', '2': '1.5', '3': '99999999999999999999' }],
  ])('with %s is dropped, told once, and keeps nobody out', async (_what, garbage) => {
    const { limits, told, requests, tokens } = openAt();
    const bucket = Math.floor((await redisTimeMs(redis, requests)) / 1_000);
    for (const key of [requests, tokens])
      for (const [field, count] of Object.entries(garbage))
        await redis.hset(key, field.length === 1 ? String(bucket - Number(field)) : field, count);
    expect(await limits.take('t', LIMIT, asked)).toMatchObject({ granted: true, room: 4 });
    expect(await limits.take('t', LIMIT, asked)).toMatchObject({ granted: true, room: 3 });
    expect(told).toEqual([requests, tokens]);
    expect(await redis.hvals(requests).then((counts) => counts.reduce((sum, count) => sum + Number(count), 0))).toBe(2);
  });

  test('under keys of a wrong type is taken away, told once, and keeps nobody out', async () => {
    const { limits, told, requests, tokens, inFlight } = openAt();
    for (const key of [requests, tokens, inFlight]) await redis.set(key, 'garbage');
    const answer = await limits.take('t', LIMIT, asked);
    expect(answer).toMatchObject({ granted: true, room: 4 });
    expect(told).toEqual([requests, tokens, inFlight]);
    // It is no obstacle to giving places back either.
    await redis.set(inFlight, 'garbage');
    await redis.del(tokens);
    await redis.set(tokens, 'garbage');
    if (answer.granted) answer.place.giveBack(50);
    await limits.close();
    expect(told).toHaveLength(5);
  });

  test('as a call under way that never ends holds no place', async () => {
    const { limits, told, inFlight } = openAt();
    await redis.zadd(inFlight, '+inf', 'a', 9e15, 'b', '+inf', 'c', '+inf', 'd', '+inf', 'e');
    expect(await limits.take('t', LIMIT, asked)).toMatchObject({ granted: true, room: 4 });
    expect(told).toEqual([inFlight]);
  });
});
