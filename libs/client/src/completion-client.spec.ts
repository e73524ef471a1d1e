import { type CompletionRequest, type CompletionResult, QUEUES, UnderstudyError } from '#libs/contracts';
import { BullServer, ModelCatalog, RejectedJobError, ResultStore } from '#libs/queue';
import { uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CompletionClient } from './completion-client.js';

const redisUrl = process.env.REDIS_URL!;
const request: CompletionRequest = {
  model: 'm',
  messages: [{ role: 'user', content: 'hi' }],
  some_new_field: { kept: true },
};

let prefix: string;
let client: CompletionClient;
let server: BullServer;
let results: ResultStore;
let catalog: ModelCatalog;

beforeEach(() => {
  prefix = uniquePrefix();
  client = new CompletionClient({ redisUrl, prefix, maxRequestBytes: 2_000 });
  server = new BullServer({ redisUrl, prefix, onError: () => undefined, patience: { drainMs: 200, handBackMs: 200 } });
  results = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
  catalog = new ModelCatalog({ redisUrl, prefix });
});
afterEach(async () => {
  await Promise.all([client.close(), server.close(), results.close(), catalog.close()]);
});

/** Works the queue off as a router does: one outcome for each job, which echoes the job. */
function route(outcome: 'answer' | 'fail' | 'crash' | 'hang' = 'answer'): void {
  server.addHandler(QUEUES.completion, async (job, context: { jobId: string }) => {
    const { jobId } = context;
    if (outcome === 'hang') return new Promise<never>(() => undefined);
    if (outcome === 'crash') throw new RejectedJobError('the router stumbled');
    const error = new UnderstudyError('all_targets_failed', 'nobody is up', { jobId, retryable: true });
    const result: CompletionResult = {
      choices: [{ index: 0, finish_reason: 'stop' }],
      echo: job,
      understudy: { jobId, target: 'a/m', attempts: [], queueMs: 0, totalMs: 1 },
    };
    await results.commit(
      jobId,
      outcome === 'answer' ? { status: 'completed', result } : { status: 'failed', error: error.toJSON() },
      (job as { replyTo?: string }).replyTo,
    );
    return undefined as never;
  });
  server.listen(() => undefined);
}

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

  it('tells of a job that the routers gave up without a result', async () => {
    route('crash');
    await expect(client.complete(request, { timeoutMs: 1_500 })).rejects.toMatchObject({
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

  it.each([
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['deadlineMs', { deadlineMs: -1 }],
    ['tenant', { tenant: '' }],
    ['routing.preferred', { routing: { preferred: '' } }],
  ])('a wrong option is named: %s', async (field, options) => {
    await expect(client.complete(request, options)).rejects.toMatchObject({ code: 'invalid_request', field });
  });

  it('a request that is no JSON is refused', async () => {
    await expect(client.enqueue({ ...request, seed: 1n })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('a request that is too large is refused with both sizes', async () => {
    const large = { ...request, messages: [{ role: 'user', content: 'ü'.repeat(1_000) }] };
    await expect(client.enqueue(large)).rejects.toMatchObject({
      code: 'payload_too_large',
      message: expect.stringMatching(/is 20\d\d bytes .* at most 2000 /),
    });
  });

  it('an unknown model is refused with the known ones, as soon as there are any, and known when it is announced', async () => {
    expect(await client.models()).toEqual([]);
    await client.enqueue({ ...request, model: 'gpt-9' });
    await catalog.publish(['m', 'auto']);
    await expect(client.enqueue({ ...request, model: 'gpt-9' })).rejects.toMatchObject({
      code: 'unknown_model',
      field: 'model',
      message: expect.stringContaining('known: auto, m'),
    });
    await catalog.publish(['m', 'auto', 'gpt-9']);
    await client.enqueue({ ...request, model: 'gpt-9' });
    expect(await client.models()).toEqual(['auto', 'gpt-9', 'm']);
  });
});

describe('while Redis is away', () => {
  it('every call fails within a second, naming Redis without its password', async () => {
    const away = new CompletionClient({ redisUrl: 'redis://u:s3cret@127.0.0.1:1', prefix });
    const calls = [
      () => away.enqueue(request),
      () => away.complete(request),
      () => away.result('any'),
      () => away.models(),
    ];
    for (const call of calls) {
      const begun = performance.now();
      const error = await call().catch((e: unknown) => e as UnderstudyError);
      expect(performance.now() - begun).toBeLessThan(1_000);
      expect(error).toMatchObject({ code: 'queue_unavailable', retryable: true });
      expect((error as Error).message).toContain('127.0.0.1:1');
      expect(JSON.stringify([error, (error as Error).message, (error as Error).cause])).not.toContain('s3cret');
    }
    await away.close();
  });
});
