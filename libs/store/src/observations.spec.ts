import { redisKeys } from '#libs/contracts';
import type { Observation } from '#libs/health-core';
import { connectRedis, type Redis } from '#libs/redis';
import { redisGate, uniquePrefix, SLACK_MS } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ObservationReader, STREAM_START } from './observation-reader.js';
import { ObservationWriter } from './observation-writer.js';

const redisUrl = process.env.REDIS_URL!;
let prefix: string;
let stream: string;
let redis: Redis;
let reader: ObservationReader;
const writers: ObservationWriter[] = [];

beforeEach(() => {
  prefix = uniquePrefix();
  stream = redisKeys(prefix).observations;
  redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
  reader = new ObservationReader({ redisUrl, prefix });
});

afterEach(async () => {
  reader.close();
  await Promise.all(writers.splice(0).map((writer) => writer.close()));
  redis.disconnect();
});

function writer(options: Partial<ConstructorParameters<typeof ObservationWriter>[0]> = {}): ObservationWriter {
  const made = new ObservationWriter({ redisUrl, prefix, reporter: 'router', ...options });
  writers.push(made);
  return made;
}

const call = (change: Partial<Observation> = {}): Omit<Observation, 'id'> => ({
  target: 'openai/gpt-4',
  source: 'traffic',
  outcome: 'success',
  latencyMs: 120,
  at: Date.now(),
  ...change,
});

const arrived = (count: number) =>
  vi.waitFor(async () => expect(await redis.xlen(stream)).toBe(count), { interval: 10 });

describe('observations', () => {
  test('what is reported is read, in order, with ids that grow', async () => {
    const reports = writer({ batchMs: 10 });
    for (const latencyMs of [1, 2, 3]) reports.report(call({ latencyMs }));
    await arrived(3);
    const { observations } = await reader.read(STREAM_START);
    expect(observations.map(({ latencyMs }) => latencyMs)).toEqual([1, 2, 3]);
    expect(observations.map(({ id }) => id.replace(/^router-[0-9a-f]{12}-/, ''))).toEqual(['1', '2', '3']);
  });

  test('a success waits for company, a failure does not, and takes along what waits', async () => {
    const reports = writer({ batchMs: 60_000 });
    reports.report(call({ outcome: 'timeout' }));
    await arrived(1);
    let reported = 1;
    // The first sending may still be ending, and would take a success along.
    await vi.waitFor(async () => {
      reports.report(call());
      reported++;
      await redis.ping();
      expect(reports.buffered).toBeGreaterThan(0);
    });
    const waiting = reports.buffered;
    for (const outcome of ['rate_limited', 'cancelled'] as const) reports.report(call({ outcome }));
    await redis.ping();
    expect(reports.buffered).toBe(waiting + 2);
    reports.report(call({ outcome: 'timeout' }));
    await arrived(reported + 3);
  });

  test('two writers of one name never repeat an id, so a restarted process is heard', async () => {
    for (const reports of [writer({ batchMs: 1 }), writer({ batchMs: 1 })]) reports.report(call());
    await arrived(2);
    const { observations } = await reader.read(STREAM_START);
    expect(new Set(observations.map(({ id }) => id)).size).toBe(2);
  });

  test('while Redis is away reports are kept, the oldest are dropped first, and the rest arrives later', async () => {
    const gate = await redisGate(redisUrl, 'shut');
    const reports = writer({ redisUrl: gate.url, maxBuffered: 5 });
    for (let latencyMs = 1; latencyMs <= 8; latencyMs++) reports.report(call({ latencyMs, outcome: 'server_error' }));
    expect([reports.buffered, reports.dropped]).toEqual([5, 3]);
    await gate.open();
    await arrived(5);
    const { observations } = await reader.read(STREAM_START);
    expect(observations.map(({ latencyMs }) => latencyMs)).toEqual([4, 5, 6, 7, 8]);
    await gate.shut();
  });

  test('a connection cut again and again loses nothing, and what comes twice has the same id', async () => {
    const gate = await redisGate(redisUrl);
    const reports = writer({ redisUrl: gate.url, batchMs: 1 });
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 50; i++) reports.report(call({ outcome: i % 2 ? 'success' : 'timeout' }));
      await vi.waitFor(async () => expect(await redis.xlen(stream)).toBeGreaterThan(round * 50), { interval: 5 });
      if (round % 5 === 4) gate.cut();
    }
    // Not until the buffer is empty: what is on its way over a connection that was just cut comes back to it.
    await vi.waitFor(
      async () => {
        const { observations } = await reader.read(STREAM_START, { count: 10_000 });
        expect(new Set(observations.map(({ id }) => id)).size).toBe(1_000);
      },
      { interval: 50 },
    );
    await reports.close();
    await gate.shut();
  });

  test.each([
    ['text', () => redis.set(stream, 'by hand')],
    ['a list', () => redis.rpush(stream, 'by hand')],
  ])('%s that somebody has put in place of the stream is taken away and told, and nothing is lost', async (_, put) => {
    await put();
    const onMended = vi.fn();
    const reports = writer({ batchMs: 10, onMended });
    for (const latencyMs of [1, 2, 3]) reports.report(call({ latencyMs }));
    await vi.waitFor(async () => {
      const { observations } = await reader.read(STREAM_START);
      expect(observations.map(({ latencyMs }) => latencyMs)).toEqual([1, 2, 3]);
    });
    expect(onMended.mock.calls).toEqual([[[stream]]]);
  });

  test('closing sends what still waits', async () => {
    const reports = writer({ batchMs: 60_000 });
    reports.report(call({ outcome: 'timeout' }));
    await arrived(1);
    reports.report(call());
    await reports.close();
    expect(await redis.xlen(stream)).toBe(2);
  });

  test('closing while Redis is away ends within its deadline', async () => {
    const gate = await redisGate(redisUrl, 'shut');
    const reports = writer({ redisUrl: gate.url });
    reports.report(call({ outcome: 'timeout' }));
    const began = performance.now();
    await reports.close(300);
    expect(performance.now() - began).toBeLessThan(1_500 + SLACK_MS);
  });

  test('what a dead leader read and did not store is read again by the next', async () => {
    const reports = writer({ batchMs: 1 });
    for (const latencyMs of [1, 2, 3]) reports.report(call({ latencyMs }));
    await arrived(3);
    const stored = await reader.read(STREAM_START, { count: 1 });
    const lost = await reader.read(stored.cursor);
    reader.close();
    expect(lost.observations).toHaveLength(2);

    const next = new ObservationReader({ redisUrl, prefix });
    const { observations } = await next.read(stored.cursor);
    expect(observations).toEqual(lost.observations);
    next.close();
  });

  test('reading waits for the first observation, but no longer than told', async () => {
    expect((await reader.read(STREAM_START, { blockMs: 20 })).observations).toEqual([]);
    const waiting = reader.read(STREAM_START, { blockMs: 15_000 });
    writer({ batchMs: 1 }).report(call());
    expect((await waiting).observations).toHaveLength(1);
  });

  test('closing ends a read that waits', async () => {
    const waiting = reader.read(STREAM_START, { blockMs: 60_000 }).catch((error: Error) => error);
    await vi.waitFor(async () => expect(await redis.client('LIST')).toMatch(/understudy:observations.*cmd=xread/));
    reader.close();
    expect(await waiting).toBeInstanceOf(Error);
  });

  test('closing ends a read that was cut off when Redis went away', async () => {
    const gate = await redisGate(redisUrl);
    const onError = vi.fn<(error: Error) => void>();
    const behindGate = new ObservationReader({ redisUrl: gate.url, prefix, onError });
    await behindGate.read(STREAM_START, { blockMs: 1 });
    const waiting = behindGate.read(STREAM_START, { blockMs: 60_000 }).catch((error: Error) => error);
    await redis.ping();
    await gate.shut();
    await vi.waitFor(() => expect(onError).toHaveBeenCalled());
    behindGate.close();
    expect(await waiting).toBeInstanceOf(Error);
  });

  test('what is not an observation is told with its problem, and reading goes on behind it', async () => {
    const good = JSON.stringify({ ...call(), id: 'x-1' });
    const entries = [
      ['observation', '{'],
      ['observation', good.replace('traffic', 'rumour')],
      ['other', 'field'],
      ['observation', good],
    ];
    for (const fields of entries) await redis.xadd(stream, '*', ...fields);
    const { observations, rejected, cursor } = await reader.read(STREAM_START);
    expect(observations).toHaveLength(1);
    expect(rejected.map(({ problem }) => problem)).toEqual([
      'the field "observation" is not JSON',
      expect.stringContaining('source'),
      'the field "observation" is missing',
    ]);
    expect((await reader.read(cursor, { blockMs: 1 })).observations).toEqual([]);
  });

  test("times are on Redis's clock, however wrong the reporter's is", async () => {
    const wrong = Date.now() + 3_600_000;
    const observation = (at: number) => JSON.stringify({ ...call({ at }), id: 'x-1' });
    const entryId = (await redis.xadd(stream, '*', 'observation', observation(wrong), 'ageMs', '250'))!;
    await redis.xadd(stream, '*', 'observation', observation(wrong));
    const arrivedAt = Number.parseInt(entryId, 10);
    const { observations, waitedMs } = await reader.read(STREAM_START);
    expect(waitedMs).toHaveLength(observations.length);
    expect(observations[0]?.at).toBe(arrivedAt - 250);
    expect(observations[1]?.at).toBeLessThan(wrong);
  });
});
