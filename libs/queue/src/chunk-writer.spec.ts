import { type ChatChunk, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { redisGate, uniquePrefix } from '#libs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ChunkEntry } from './chunk-entry.js';
import { CHUNKS_START, ChunkReader } from './chunk-reader.js';
import { ChunkWriter } from './chunk-writer.js';

const redisUrl = process.env.REDIS_URL!;
const location = { redisUrl, prefix: uniquePrefix() };
const key = (jobId: string) => redisKeys(location.prefix).chunks(jobId);
const reader = new ChunkReader(location);
let redis: Redis;
let count = 0;
let job: string;
const writers: ChunkWriter[] = [];
beforeAll(() => {
  redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
});
afterEach(() => Promise.all(writers.splice(0).map((writer) => writer.close())));
afterAll(() => Promise.all([closeRedis(redis), reader.close()]));

const open = (run = 1, at: { redisUrl?: string; onAbandoned?: (reason: string) => void } = {}) => {
  const writer = new ChunkWriter({ ...location, ...at });
  writers.push(writer);
  return writer.open(job, run);
};
const newJob = () => (job = `job-${++count}`);
const chunk = (content: string): ChatChunk => ({ choices: [{ index: 0, delta: { content } }] });
const one = { number: 1, target: 'a/m' };
const two = { number: 2, target: 'b/m' };

/** Everything that a reader who comes now can read. */
async function readAll(): Promise<ChunkEntry[]> {
  const all: ChunkEntry[] = [];
  for (let id = CHUNKS_START; ;) {
    const entries = await reader.read(job, id);
    if (entries.length === 0) return all;
    all.push(...entries.flatMap(({ entry }) => entry ?? []));
    id = entries.at(-1)!.id;
  }
}
const textOf = (entries: ChunkEntry[]) =>
  entries
    .flatMap((entry) => (entry.kind === 'chunks' ? entry.chunks : []))
    .map(({ choices }) => choices[0]?.delta['content'])
    .join('');
const kindsOf = (entries: ChunkEntry[]) => entries.map(({ kind }) => kind);
const untilRead = (text: string) => vi.waitFor(async () => expect(textOf(await readAll())).toBe(text));
const untilEnded = () => vi.waitFor(async () => expect(kindsOf(await readAll()).at(-1)).toBe('end'));

describe('ChunkWriter', () => {
  it('gathers what is said within some milliseconds into one entry, in order, with its attempt and target', async () => {
    newJob();
    const chunks = open();
    chunks.attemptBegins(1, 'lost');
    for (let i = 0; i < 100; i++) chunks.said(one, chunk(`${i} `));
    chunks.end();
    await untilEnded();
    const [first, ...rest] = await readAll();
    expect(first).toMatchObject({ kind: 'chunks', attempt: 1, target: 'a/m' });
    expect(textOf([first!])).toBe(Array.from({ length: 100 }, (_, i) => `${i} `).join(''));
    expect(kindsOf(rest)).toEqual(['end']);
  });

  it('cuts what is said all at once into entries of some kilobytes, of which a reader holds a few', async () => {
    newJob();
    const chunks = open();
    chunks.attemptBegins(1, 'lost');
    const words = Array.from({ length: 5_000 }, (_, i) => `word ${i} and so on `);
    for (const word of words) chunks.said(one, chunk(word));
    chunks.end();
    await untilEnded();
    const sizes = (await readAll()).map((entry) => JSON.stringify(entry).length);
    expect(Math.max(...sizes)).toBeLessThan(10_000);
    expect(textOf(await readAll())).toBe(words.join(''));
  });

  it('takes back what was said when another attempt begins: readers see that, and the text is gone', async () => {
    newJob();
    const chunks = open();
    chunks.attemptBegins(1, 'lost');
    chunks.said(one, chunk('half an ans'));
    await untilRead('half an ans');
    chunks.attemptBegins(2, 'stream_broken');
    chunks.said(two, chunk('whole'));
    await untilRead('whole');
    expect(await readAll()).toMatchObject([
      { kind: 'restarted', attempt: 2, reason: 'stream_broken' },
      { kind: 'chunks', attempt: 2, target: 'b/m' },
    ]);
  });

  it('says nothing of a new attempt when no earlier one has said anything', async () => {
    newJob();
    const chunks = open();
    chunks.attemptBegins(1, 'lost');
    chunks.attemptBegins(2, 'overloaded');
    chunks.said(two, chunk('text'));
    await untilRead('text');
    expect(kindsOf(await readAll())).toEqual(['chunks']);
  });

  it('tells of a restart after a crash, and lets the crashed run write no more', async () => {
    newJob();
    const crashed = open(1);
    crashed.attemptBegins(1, 'lost');
    crashed.said(one, chunk('of the dead'));
    await untilRead('of the dead');
    const next = open(2);
    next.attemptBegins(1, 'lost');
    next.said({ number: 1, target: 'b/m' }, chunk('of the living'));
    await untilRead('of the living');
    const refused = vi.fn();
    const ghost = open(1, { onAbandoned: refused });
    ghost.attemptBegins(2, 'stream_broken');
    ghost.said({ number: 2, target: 'a/m' }, chunk('of a ghost'));
    await vi.waitFor(() => expect(refused).toHaveBeenCalledWith('superseded'));
    next.end();
    await untilEnded();
    expect(kindsOf(await readAll())).toEqual(['restarted', 'chunks', 'end']);
    expect(textOf(await readAll())).toBe('of the living');
  });

  it('begins anew when a job is handed in again after its end', async () => {
    newJob();
    const first = open(3);
    first.attemptBegins(1, 'lost');
    first.said(one, chunk('failed'));
    first.end();
    await untilEnded();
    const again = open(1);
    again.attemptBegins(1, 'lost');
    again.said(one, chunk('again'));
    await untilRead('again');
    expect(kindsOf(await readAll())).toEqual(['chunks']);
  });

  it('keeps a stream for a while only, and shorter after its end', async () => {
    newJob();
    const chunks = open();
    chunks.attemptBegins(1, 'lost');
    chunks.said(one, chunk('x'));
    await untilRead('x');
    const live = await redis.pttl(key(job));
    chunks.end();
    await untilEnded();
    const ended = await redis.pttl(key(job));
    expect(live).toBeGreaterThan(ended);
    expect(ended).toBeGreaterThan(60_000);
  });

  it('publishes no more than some megabytes of one attempt, and never with a hole', async () => {
    newJob();
    const abandoned = vi.fn();
    const chunks = open(1, { onAbandoned: abandoned });
    chunks.attemptBegins(1, 'lost');
    const piece = 'y'.repeat(100_000);
    for (let i = 0; i < 60; i++) chunks.said(one, chunk(`${i}${piece}`));
    chunks.end();
    expect(abandoned).toHaveBeenCalledExactlyOnceWith('size');
    await vi.waitFor(async () => expect(await redis.xlen(key(job))).toBeLessThanOrEqual(1));
    expect(await redis.memory('USAGE', key(job)).then((bytes) => bytes ?? 0)).toBeLessThan(5 * 1024 * 1024);
  });

  it('while Redis is away keeps a bounded amount, goes on afterwards, and never throws', async () => {
    newJob();
    const gate = await redisGate(redisUrl, 'shut');
    const abandoned = vi.fn();
    const writer = new ChunkWriter({ ...location, redisUrl: gate.url, onAbandoned: abandoned });
    writers.push(writer);
    const piece = chunk('z'.repeat(1_000_000));
    // Fifty answers of three megabytes each: much more than may be kept.
    const many = Array.from({ length: 50 }, (_, i) => writer.open(`${job}-${i}`, 1));
    for (const [i, chunks] of many.entries()) {
      chunks.attemptBegins(1, 'lost');
      for (let n = 0; n < 3; n++) chunks.said({ number: 1, target: `t${i}` }, piece);
    }
    expect(abandoned.mock.calls.length).toBeGreaterThan(35);
    expect(new Set(abandoned.mock.calls.flat())).toEqual(new Set(['memory']));
    await gate.open();
    job = `${job}-0`;
    await vi.waitFor(async () => expect(textOf(await readAll())).toHaveLength(3_000_000));
    for (const chunks of many) chunks.end();
    await vi.waitFor(async () => expect(kindsOf(await readAll()).at(-1)).toBe('end'));
  });

  it('neither doubles nor loses anything when its connection is cut again and again', async () => {
    newJob();
    const gate = await redisGate(redisUrl);
    const chunks = open(1, { redisUrl: gate.url });
    chunks.attemptBegins(1, 'lost');
    let text = '';
    for (let i = 0; i < 200; i++) {
      text += `${i},`;
      chunks.said(one, chunk(`${i},`));
      if (i % 20 === 19) gate.cut();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    chunks.end();
    await untilEnded();
    expect(textOf(await readAll())).toBe(text);
  });

  it('reads past what somebody else has written into the stream', async () => {
    newJob();
    await redis.xadd(key(job), '5-1', 'kind', 'chunks', 'chunks', '{not json');
    await redis.xadd(key(job), '5-2', 'hello', 'world');
    const chunks = open();
    chunks.attemptBegins(1, 'lost');
    chunks.said(one, chunk('fine'));
    await untilRead('fine');
  });
});
