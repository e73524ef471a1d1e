import { CompletionClient, type StreamEvent, type StreamOptions } from '#libs/client';
import { redisKeys, type CompletionRequest } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { ChunkReader } from '#libs/queue';
import { redisGate, type SimulatedFault } from '#libs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Pair, type PairOptions, startPair, STREAMS, type Wire } from './guarantees.fixture.js';

const urls = { redisUrl: process.env.REDIS_URL!, simulatorUrl: process.env.SIMULATOR_URL! };
let redis: Redis;
let pair: Pair;
beforeAll(() => {
  redis = connectRedis({ url: urls.redisUrl, name: 'test', patience: 'patient' });
});
afterEach(() => pair.stop());
afterAll(() => closeRedis(redis));

async function start(options: PairOptions = {}) {
  pair = await startPair(urls, options);
}
function clientOf(redisUrl = urls.redisUrl) {
  const client = new CompletionClient({ redisUrl, prefix: pair.router.prefix });
  onTestFinished(() => client.close());
  return client;
}
const request = (tokens = 20, words = 'hello'): CompletionRequest => ({
  model: 'm1',
  messages: [{ role: 'user', content: words }],
  max_tokens: tokens,
});
async function collect(events: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const all: StreamEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}
const typesOf = (events: StreamEvent[]) =>
  events.map(({ type }) => type).filter((type, i, all) => type !== 'chunk' || all[i - 1] !== 'chunk');
function idOf([first]: StreamEvent[]): string {
  if (first?.type !== 'enqueued') throw new Error('the job was not enqueued');
  return first.jobId;
}
/** What a reader has on the screen at the end. */
function shownText(events: StreamEvent[]): string {
  let text = '';
  for (const event of events) {
    if (event.type === 'restarted') text = '';
    if (event.type === 'chunk') text += (event.chunk.choices[0]?.delta['content'] as string | undefined) ?? '';
  }
  return text;
}
function resultOf(events: StreamEvent[]) {
  const last = events.at(-1);
  if (last?.type !== 'completed') throw new Error(`the last event is ${last?.type}`);
  const [choice] = last.result.choices as { message?: { content?: string } }[];
  return { ...last.result, text: choice?.message?.content };
}
const streamKey = (jobId: string) => redisKeys(pair.router.prefix).chunks(jobId);

describe('the stream of a job', () => {
  it.each(STREAMS)(
    'tells of every part in order while it is made, and at last of the whole ($kind)',
    async (wire: Wire) => {
      await start({ wire });
      await pair.fault({ kind: 'slow-drip', tokensPerSecond: 40 });
      let early: boolean | undefined;
      const events: StreamEvent[] = [];
      const client = clientOf();
      for await (const event of client.stream(request(80))) {
        if (event.type === 'chunk' && early === undefined) {
          early = (await client.result(idOf(events))) === null;
        }
        events.push(event);
      }
      expect(early).toBe(true);
      expect(typesOf(events)).toEqual(['enqueued', 'chunk', 'completed']);
      expect(events.filter(({ type }) => type === 'chunk').length).toBeGreaterThan(10);
      expect(shownText(events)).toBe(resultOf(events).text);
      expect(resultOf(events).understudy).toMatchObject({ target: 'one', attempts: [{ number: 1 }] });
    },
  );

  it.each<[string, SimulatedFault, string]>([
    ['is cut', { kind: 'cut', afterChunks: 10 }, 'stream_broken'],
    ['is reset', { kind: 'reset', at: 'mid-body', afterChunks: 10 }, 'stream_broken'],
    ['ends in an error event', { kind: 'error-event', event: 11, status: 503 }, 'stream_broken'],
    ['is malformed', { kind: 'malformed-event', event: 11 }, 'stream_broken'],
    ['stalls', { kind: 'stall', afterChunks: 10 }, 'stream_broken'],
  ])('that %s says that it is restarted, and shows the whole answer in the end', async (_what, fault) => {
    // It breaks half a second after its first word, so that what it has said was published.
    await start({ first: 'idleTimeoutMs: 1000', perTokenMs: 50 });
    await pair.fault(fault);
    const events = await collect(clientOf().stream(request()));
    expect(typesOf(events)).toEqual(expect.arrayContaining(['enqueued', 'chunk', 'restarted', 'chunk', 'completed']));
    const restarted = events.find(({ type }) => type === 'restarted');
    expect(restarted).toMatchObject({
      attempt: 2,
      reason: expect.stringMatching(/stream_broken|overloaded|bad_response|timeout/),
    });
    expect(events.findLast(({ type }) => type === 'chunk')).toMatchObject({ attempt: 2, target: 'two' });
    expect(shownText(events)).toBe(resultOf(events).text);
  });

  it('is replayed from its beginning to a reader that comes late, and to one that comes back from elsewhere', async () => {
    await start();
    await pair.fault({ kind: 'slow-drip', tokensPerSecond: 40 });
    const first = clientOf();
    let jobId = '';
    for await (const event of first.stream(request(40), { keep: true })) {
      if (event.type === 'enqueued') jobId = event.jobId;
      if (event.type === 'chunk') break;
    }
    const whileMade = await collect(clientOf().stream(jobId));
    expect(typesOf(whileMade)).toEqual(['chunk', 'completed']);
    expect(shownText(whileMade)).toBe(resultOf(whileMade).text);
    const afterwards = await collect(clientOf().stream(jobId));
    expect(shownText(afterwards)).toBe(shownText(whileMade));
    await redis.del(streamKey(jobId));
    expect(typesOf(await collect(clientOf().stream(jobId)))).toEqual(['completed']);
  });

  it('of a job that was not enqueued for it is its answer alone, and costs nothing', async () => {
    await start();
    const client = clientOf();
    const jobId = await client.enqueue(request());
    const events = await collect(client.stream(jobId));
    expect(typesOf(events)).toEqual(['completed']);
    expect(await redis.exists(streamKey(jobId))).toBe(0);
    expect(typesOf(await collect(client.stream(request(), { streaming: false })))).toEqual(['enqueued', 'completed']);
  });

  it('of a target that does not stream is its answer alone', async () => {
    await start({ wire: { kind: 'openai-compatible', streaming: false } });
    expect(typesOf(await collect(clientOf().stream(request())))).toEqual(['enqueued', 'completed']);
  });

  it('throws the error of the job, and what is wrong with a request or an id', async () => {
    await start({ second: null });
    await pair.fault({ kind: 'status', status: 401 });
    const client = clientOf();
    await expect(collect(client.stream(request()))).rejects.toMatchObject({ code: 'all_targets_failed' });
    await expect(collect(client.stream({ model: 'm1' } as never))).rejects.toMatchObject({ field: 'messages' });
    await expect(collect(client.stream('no-such-job'))).rejects.toMatchObject({ code: 'job_not_found' });
  });

  it.each<[string, StreamOptions, boolean]>([
    ['cancels its job when the loop is left', {}, true],
    ['leaves its job alone when it is told to', { keep: true }, false],
  ])('%s', async (_what, options, isCancelled) => {
    await start();
    await pair.fault({ kind: 'slow-drip', tokensPerSecond: 20 });
    const client = clientOf();
    let jobId = '';
    for await (const event of client.stream(request(60), options)) {
      if (event.type === 'enqueued') jobId = event.jobId;
      if (event.type === 'chunk') break;
    }
    const ended = client.result(jobId, { waitMs: 20_000 });
    if (isCancelled) await expect(ended).rejects.toMatchObject({ code: 'cancelled' });
    else expect(await ended).toMatchObject({ understudy: { target: 'one' } });
  });

  it('ends by its signal with the signal’s reason, and cancels its job', async () => {
    await start();
    await pair.fault({ kind: 'stall', afterChunks: 3 });
    const abort = new AbortController();
    const client = clientOf();
    let jobId = '';
    const reading = (async () => {
      for await (const event of client.stream(request(), { signal: abort.signal })) {
        if (event.type === 'enqueued') jobId = event.jobId;
        if (event.type === 'chunk') abort.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    await expect(client.result(jobId, { waitMs: 20_000 })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('gives up after its time, and says by which id the answer can be fetched', async () => {
    await start();
    await pair.fault({ kind: 'slow-first-token', ms: 3_000 }, { forRequests: 1 });
    const stream = clientOf().stream(request(), { timeoutMs: 500, deadlineMs: 20_000 });
    await expect(collect(stream)).rejects.toMatchObject({ code: 'result_timeout', jobId: expect.any(String) });
  });

  it('survives an outage of Redis for its reader', async () => {
    await start();
    await pair.fault({ kind: 'slow-drip', tokensPerSecond: 20 });
    const gate = await redisGate(urls.redisUrl);
    const events: StreamEvent[] = [];
    for await (const event of clientOf(gate.url).stream(request(40))) {
      events.push(event);
      if (events.length === 4) {
        await gate.shut();
        setTimeout(() => void gate.open(), 500);
      }
    }
    expect(typesOf(events)).toEqual(['enqueued', 'chunk', 'completed']);
    expect(shownText(events)).toBe(resultOf(events).text);
  });

  it('reads no further than it is asked to, so a slow or vanished reader holds little of a long answer', async () => {
    await start({ perTokenMs: 2 });
    const client = clientOf();
    const slow = client.stream(request(600));
    const jobId = idOf([(await slow.next()).value as StreamEvent]);
    await slow.next();
    const reads = vi.spyOn(ChunkReader.prototype, 'read');
    onTestFinished(() => reads.mockRestore());
    expect(await client.result(jobId, { waitMs: 20_000 })).not.toBeNull();
    expect(await redis.xlen(streamKey(jobId))).toBeGreaterThan(16);
    expect(reads).not.toHaveBeenCalled();
    const rest = await collect(slow);
    expect(rest.filter(({ type }) => type === 'chunk')).toHaveLength(599);

    const vanished = client.stream(request(600), { keep: true });
    await vanished.next();
    await vanished.next();
    // Nobody asks it again, nobody ends it. The client closes all the same.
    await client.close();
  });

  it('has 200 readers at once, of whom each gets every part', async () => {
    await start();
    await pair.fault({ kind: 'slow-drip', tokensPerSecond: 50 });
    const client = clientOf();
    const jobId = await (async () => {
      for await (const event of client.stream(request(60), { keep: true }))
        if (event.type === 'enqueued') return event.jobId;
      throw new Error('not enqueued');
    })();
    const readers = await Promise.all(Array.from({ length: 200 }, () => collect(client.stream(jobId))));
    const texts = new Set(readers.map(shownText));
    expect([...texts]).toEqual([resultOf(readers[0]!).text]);
    await vi.waitFor(async () => expect(await redis.pubsub('NUMSUB', streamKey(jobId))).toEqual([streamKey(jobId), 0]));
  });
});
