import type { CompletionResult } from '#libs/contracts';
import { ChunkReader, ChunkWriter } from '#libs/queue';
import { uniquePrefix } from '#libs/testing';
import { afterAll, expect, it } from 'vitest';
import { AwaitedOutcome } from './awaited-outcome.js';
import { readStream } from './read-stream.js';

const location = { redisUrl: process.env.REDIS_URL!, prefix: uniquePrefix() };
const chunks = new ChunkReader(location);
const writer = new ChunkWriter(location);
afterAll(() => Promise.all([chunks.close(), writer.close()]));

const result: CompletionResult = {
  choices: [{ index: 0, finish_reason: 'stop' }],
  understudy: { jobId: 'j', target: 'a/m', attempts: [], queueMs: 0, totalMs: 1 },
};

it('reads a result again that was let go because its reader stood still', async () => {
  const job = writer.open('j', 1);
  job.attemptBegins(1, 'lost');
  job.said({ number: 1, target: 'a/m' }, { choices: [{ index: 0, delta: { content: 'x' } }] });
  job.end();
  const outcome = new AwaitedOutcome(Promise.resolve({ status: 'completed', result }));
  let looks = 0;
  const look = () => Promise.resolve(++looks > 0 ? result : null);
  const { signal } = new AbortController();
  const events = readStream('j', { chunks, outcome, look, expectsChunks: true, signal });
  expect(await events.next()).toMatchObject({ value: { type: 'chunk' } });
  outcome.forget();
  expect(await events.next()).toEqual({ done: false, value: { type: 'completed', result } });
  expect(looks).toBe(1);
  expect(await events.next()).toEqual({ done: true, value: undefined });
});
