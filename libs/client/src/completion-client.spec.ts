import { SLACK_MS } from '#libs/testing';
import { type CompletionRequest, redisKeys, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientUnderTest, openClient } from './client.fixture.js';
import { CompletionClient } from './completion-client.js';

const redisUrl = process.env.REDIS_URL!;
const request: CompletionRequest = {
  model: 'm',
  messages: [{ role: 'user', content: 'hi' }],
  some_new_field: { kept: true },
};

let under: ClientUnderTest;
let client: CompletionClient;
let prefix: string;
const route: ClientUnderTest['route'] = (conduct) => under.route(conduct);

beforeEach(() => {
  under = openClient({ maxRequestBytes: 2_000 });
  ({ client, prefix } = under);
});
afterEach(() => under.close());

describe('complete', () => {
  it('gives the answer of the job, which holds the request verbatim and a deadline just ahead of its time limit', async () => {
    route();
    const result = await client.complete(request, {
      timeoutMs: 10_000,
      tenant: 'team-a',
      routing: { preferred: 'a/m' },
    });
    expect(result.echo).toEqual({
      request,
      routing: { preferred: 'a/m' },
      deadlineMs: 9_000,
      tenant: 'team-a',
      replyTo: expect.stringContaining(`${prefix}:reply:`),
    });
  });

  it('answers many callers, each with the answer to its own request', async () => {
    route();
    const asked = Array.from({ length: 100 }, (_, i) => ({ ...request, i }));
    const answers = await Promise.all(asked.map((body) => client.complete(body)));
    expect(answers.map((answer) => (answer.echo as { request: unknown }).request)).toEqual(asked);
  });

  it("throws the job's own error, with its code", async () => {
    route('fail');
    const error = await client.complete(request).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UnderstudyError);
    expect(error).toMatchObject({ code: 'all_targets_failed', message: 'nobody is up', retryable: true });
  });

  it('ends with result_timeout and the id, with which the answer can be fetched later', async () => {
    const error = await client.complete(request, { timeoutMs: 100 }).catch((e: unknown) => e as UnderstudyError);
    expect(error).toMatchObject({ code: 'result_timeout', retryable: true });
    route();
    const { jobId } = error as UnderstudyError;
    expect((await client.result(jobId!, { waitMs: 10_000 }))?.understudy.jobId).toBe(jobId);
  });

  it('refuses a redisUrl that is none, by the forms that are understood and without its password', () => {
    const wrong = () => new CompletionClient({ redisUrl: 'http://someone:s3cret@cache' });
    expect(wrong).toThrow(/redisUrl: is not a Redis URL; write redis:.*redis\+cluster:.*redis\+sentinel:/);
    expect(wrong).not.toThrow('s3cret');
  });

  it('says so when nobody can have answered: no router is there under its prefix', async () => {
    const lonely = new CompletionClient({ redisUrl, prefix: '{nobody-reads-here}' });
    await expect(lonely.complete(request, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'result_timeout',
      message: expect.stringMatching(
        /No router has announced itself under the prefix \{nobody-reads-here\} in Redis at .*UNDERSTUDY_PREFIX/,
      ) as string,
    });
    await lonely.close();
  });

  it('tells of a job that the routers gave up without a result', async () => {
    route('crash');
    await expect(client.complete(request, { timeoutMs: 4_000 })).rejects.toMatchObject({
      code: 'internal_error',
      message: expect.stringContaining('the router stumbled'),
    });
  });

  it('stops waiting when its signal is aborted', async () => {
    route('hang');
    const controller = new AbortController();
    const answer = client.complete(request, { signal: controller.signal });
    setImmediate(() => controller.abort(new Error('hung up')));
    await expect(answer).rejects.toThrow('hung up');
    await expect(client.complete(request, { signal: controller.signal })).rejects.toThrow('hung up');
  });
});

describe('complete with cancelOnAbort', () => {
  it('cancels the job that nobody waits for any more', async () => {
    route('hang');
    const controller = new AbortController();
    const answer = client.complete(request, { signal: controller.signal, cancelOnAbort: true });
    await vi.waitFor(() => expect(under.worked).toHaveLength(1));
    controller.abort(new Error('hung up'));
    await expect(answer).rejects.toThrow('hung up');
    const cancelled = client.result(under.worked[0]!, { waitMs: 15_000 });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('leaves alone a job that somebody else had enqueued with the same key', async () => {
    const jobId = await client.enqueue(request, { idempotencyKey: 'k' });
    const controller = new AbortController();
    const mine = client.complete(request, { idempotencyKey: 'k', signal: controller.signal, cancelOnAbort: true });
    setTimeout(() => controller.abort(new Error('hung up')), 50);
    await expect(mine).rejects.toThrow('hung up');
    route();
    expect((await client.result(jobId, { waitMs: 10_000 }))?.understudy.jobId).toBe(jobId);
  });
});

describe('enqueue and result', () => {
  it('give the answer of an unattended job, from any process', async () => {
    const jobId = await client.enqueue(request);
    expect(await client.result(jobId)).toBeNull();
    route();
    const other = new CompletionClient({ redisUrl, prefix });
    expect((await other.result(jobId, { waitMs: 10_000 }))?.understudy.jobId).toBe(jobId);
    await other.close();
  });

  it('throw job_not_found for a job that nobody knows', async () => {
    await expect(client.result('4711')).rejects.toMatchObject({ code: 'job_not_found', jobId: '4711' });
  });

  it('tell of a job that was cancelled, and of one that was finished before', async () => {
    const jobId = await client.enqueue(request);
    expect(await client.cancel(jobId)).toBe('cancelled');
    await expect(client.result(jobId)).rejects.toMatchObject({ code: 'cancelled', jobId });
    route();
    const { understudy } = await client.complete(request);
    expect(await client.cancel(understudy.jobId)).toBe('finished');
    await expect(client.cancel('4711')).rejects.toMatchObject({ code: 'job_not_found' });
  });
});

describe('before anything is enqueued', () => {
  it.each([
    ['messages', { model: 'm' }],
    ['messages[0].role', { model: 'm', messages: [{ content: 'x' }] }],
    ['model', { messages: request.messages }],
    ['n', { ...request, n: 2 }],
    ['temperature', { ...request, temperature: 3 }],
  ])('a wrong %s is named', async (field, body) => {
    await expect(client.enqueue(body as never)).rejects.toMatchObject({ code: 'invalid_request', field });
  });

  it.each<[field: string, options: unknown]>([
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['timeoutMs', { timeoutMs: '1000' }],
    ['signal', { signal: {} }],
    ['cancelOnAbort', { cancelOnAbort: 'yes' }],
    ['deadlineMs', { deadlineMs: -1 }],
    ['deadlineMs', { deadlineMs: 1.5 }],
    ['deadlineMs', { deadlineMs: Infinity }],
    ['deadlineMs', { deadlineMs: '1000' }],
    ['deadlineMs', { deadlineMs: new Date() }],
    ['priority', { priority: 'urgent' }],
    ['priority', { priority: 1 }],
    ['idempotencyKey', { idempotencyKey: '' }],
    ['idempotencyKey', { idempotencyKey: 'x'.repeat(256) }],
    ['idempotencyKey', { idempotencyKey: 4711 }],
    ['tenant', { tenant: '' }],
    ['tenant', { tenant: 7 }],
    ['routing', { routing: 'a/m' }],
    ['routing.preferred', { routing: { preferred: '' } }],
    ['routing.pin', { routing: { pin: 1 } }],
    ['routing.mode', { routing: { mode: {} } }],
    ['routing.fallbacks', { routing: { fallbacks: 'a/m' } }],
    ['routing.fallbacks', { routing: { fallbacks: Array(17).fill('a/m') } }],
    ['routing.fallbacks[1]', { routing: { fallbacks: ['a/m', null] } }],
    ['routing.prefered', { routing: { prefered: 'a/m' } }],
    ['prioritty', { prioritty: 'high' }],
  ])('a wrong option is named: %s in %j', async (field, options) => {
    const refusal = { code: 'invalid_request', field, message: expect.stringContaining(field) };
    await expect(client.complete(request, options as never)).rejects.toMatchObject(refusal);
    expect(await under.queue.countWaiting()).toBe(0);
  });

  it.each<[field: string, jobId: unknown, options: unknown]>([
    ['jobId', '', {}],
    ['jobId', 5, {}],
    ['waitMs', 'x', { waitMs: -1 }],
    ['waitMs', 'x', { waitMs: '5' }],
    ['signal', 'x', { signal: 5 }],
    ['wait', 'x', { wait: 5 }],
  ])('a wrong %s of result is named', async (field, jobId, options) => {
    const asked = client.result(jobId as never, options as never);
    await expect(asked).rejects.toMatchObject({ code: 'invalid_request', field });
  });

  it.each<[field: string, options: unknown]>([
    ['redisUrl', { redisUrl: 5 }],
    ['prefix', { prefix: 'understudy' }],
    ['maxRequestBytes', { maxRequestBytes: 0 }],
    ['maxWaiting', { maxWaiting: '7' }],
    ['resultTtlMs', { resultTtlMs: 0.5 }],
    ['redis', { redis: 'redis://localhost' }],
  ])('a wrong %s of the client is named', (field, options) => {
    expect(() => new CompletionClient(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_request', field }) as Error,
    );
  });

  it('a request that is no JSON is refused', async () => {
    await expect(client.enqueue({ ...request, seed: 1n })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('a request of exactly the limit passes, byte for byte as it was given; one byte more is refused with both sizes', async () => {
    const sized = (bytes: number) => {
      const missing = bytes - Buffer.byteLength(JSON.stringify({ ...request, user: '' }));
      // Two bytes each: the size is that of the UTF-8, not of the string.
      return { ...request, user: 'ü'.repeat(Math.floor(missing / 2)) + 'x'.repeat(missing % 2) };
    };
    const jobId = await client.enqueue(sized(2_000), { tenant: 'what stands beside the request does not count' });
    const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
    const stored = await redis.hget(redisKeys(prefix).bull('completion', jobId), 'data');
    await closeRedis(redis);
    expect(stored).toContain(JSON.stringify(sized(2_000)));
    await expect(client.enqueue(sized(2_001))).rejects.toMatchObject({
      code: 'payload_too_large',
      message: expect.stringMatching(/is 2001 bytes .* at most 2000 /),
    });
    expect(await under.queue.countWaiting()).toBe(1);
  });

  it('an unknown model is refused with the known ones, as soon as there are any, and known when it is announced', async () => {
    expect(await client.models()).toEqual([]);
    await client.enqueue({ ...request, model: 'gpt-9' });
    await under.catalog.publish(['m', 'auto']);
    await expect(client.enqueue({ ...request, model: 'gpt-9' })).rejects.toMatchObject({
      code: 'unknown_model',
      field: 'model',
      message: expect.stringContaining('known: auto, m'),
    });
    await under.catalog.publish(['m', 'auto', 'gpt-9']);
    await client.enqueue({ ...request, model: 'gpt-9' });
    expect(await client.models()).toEqual(['auto', 'gpt-9', 'm']);
  });
});

describe('once it is closed', () => {
  it('every call says so, and does not blame the queue', async () => {
    await client.close();
    const calls = [
      () => client.enqueue(request),
      () => client.complete(request),
      () => client.enqueueMany([{ request }]),
      () => client.cancel('any'),
      () => client.stream(request).next(),
      () => client.stream('any').next(),
      () => client.result('any'),
      () => client.state('any'),
      () => client.models(),
    ];
    for (const call of calls)
      await expect((call as () => Promise<unknown>)()).rejects.toMatchObject({
        code: 'client_closed',
        retryable: false,
        message: expect.stringMatching(/^This client was closed.*make a new one/),
      });
  });

  it('whoever waited for an answer hears so, with the id of the job', async () => {
    route('hang');
    const completion = client.complete(request).catch((error: unknown) => error);
    const events = client.stream(request);
    const { jobId: streamed } = (await events.next()).value as { jobId: string };
    const step = events.next().catch((error: unknown) => error);
    await vi.waitFor(() => expect(under.worked).toHaveLength(1), 10_000);
    const [other] = under.worked.filter((id) => id !== streamed);
    const found = client.result(streamed, { waitMs: 60_000 }).catch((error: unknown) => error);
    await vi.waitFor(async () => expect(await client.state(streamed)).toMatch(/queued|running/), 5_000);
    await client.close();
    expect(await completion).toMatchObject({ code: 'client_closed', ...(other && { jobId: other }) });
    expect(await step).toMatchObject({ code: 'client_closed', jobId: streamed });
    expect(await found).toMatchObject({ code: 'client_closed', jobId: streamed });
  });

  it('can be closed again', async () => {
    await Promise.all([client.close(), client.close()]);
    await client.close();
  });
});

describe('while Redis is away', () => {
  it('every call fails within a second, naming Redis without its password', async () => {
    const away = new CompletionClient({ redisUrl: 'redis://u:s3cret@127.0.0.1:1', prefix });
    const calls = [
      () => away.enqueue(request),
      () => away.complete(request),
      () => away.enqueueMany([{ request }]),
      () => away.enqueue(request, { idempotencyKey: 'k' }),
      () => away.cancel('any'),
      () => away.stream(request).next(),
      () => away.result('any'),
      () => away.models(),
    ];
    for (const call of calls) {
      const begun = performance.now();
      const error = await (call as () => Promise<unknown>)().catch((e: unknown) => e as UnderstudyError);
      expect(performance.now() - begun).toBeLessThan(1_000 + SLACK_MS);
      expect(error).toMatchObject({ code: 'queue_unavailable', retryable: true });
      expect((error as Error).message).toContain('127.0.0.1:1');
      expect(JSON.stringify([error, (error as Error).message, (error as Error).cause])).not.toContain('s3cret');
    }
    await away.close();
  });
});
