import { parseConfig } from '#libs/config';
import type { CompletionJob, JobOutcome } from '#libs/contracts';
import { BullServer, CompletionQueue, ReplyChannel } from '#libs/queue';
import { closeRedis, connectRedis } from '#libs/redis';
import { createService, type Service } from '#libs/service';
import { createLogger } from '#libs/telemetry';
import { simulatorAdmin, uniquePrefix } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { RouteService } from './route.service.js';
import { RouterModule } from './router.module.js';

/**
 * A whole router on a real Redis, with two providers of the simulator. No aggregator runs, so that the router knows nothing of
 * health but what its own attempts show.
 */
const redisUrl = process.env.REDIS_URL!;
const prefix = uniquePrefix();
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const [first, second] = ['first', 'second'].map((name) => `${name}-${prefix.replace(/\W/g, '')}`) as [string, string];
const location = { redisUrl, prefix };
const CONFIG = `
providers:
  ${first}: { kind: openai-compatible, baseUrl: '${admin.url}/${first}/v1' }
  ${second}: { kind: openai-compatible, baseUrl: '${admin.url}/${second}/v1' }
targets:
  - { id: one, provider: ${first}, model: m1, timeoutMs: 400 }
  - { id: two, provider: ${second}, model: m2, timeoutMs: 400 }
`;
const HELLO: CompletionJob = { request: { model: 'm1', messages: [{ role: 'user', content: 'hello' }] } };

let router: Service;
let queue: CompletionQueue;
let replies: ReplyChannel;

beforeAll(async () => {
  const env = {
    REDIS_URL: redisUrl,
    UNDERSTUDY_PREFIX: prefix,
    UNDERSTUDY_CONFIG: '',
    HOST: '127.0.0.1',
    PORT: 0,
    SHUTDOWN_DEADLINE_MS: 5000,
    ROUTER_CONCURRENCY: 20,
  };
  router = await createService({
    name: 'router',
    logger: createLogger({ name: 'router', destination: { write: () => undefined } }),
    env,
    module: RouterModule.forRoot(env, parseConfig(CONFIG, {})),
    strategies: () => [new BullServer({ ...location, onError: () => undefined })],
  });
  await router.start();
  queue = new CompletionQueue(location);
  replies = new ReplyChannel(location);
});

afterAll(async () => {
  await Promise.all([queue.close(), replies.close()]);
  await router.stop();
});

beforeEach(async () => {
  await admin.createProvider(first, { models: { m1: {} }, latency: { kind: 'fixed', ms: 1 } });
  await admin.createProvider(second, { models: { m2: {} }, latency: { kind: 'fixed', ms: 1 } });
});

afterEach(async () => {
  await admin.revive(first);
  await admin.revive(second);
  await admin.clearCalls(first);
  await admin.clearCalls(second);
});

/** Enqueues a payload and waits for its one outcome. */
async function run(job: unknown, timeoutMs = 10_000): Promise<JobOutcome> {
  const id = await queue.add({ ...(job as CompletionJob), replyTo: replies.address });
  const outcome = await replies.waitFor(id, { timeoutMs });
  if (!outcome) throw new Error(`job ${id} has no outcome after ${timeoutMs} ms`);
  return outcome;
}

const attemptsOf = (outcome: JobOutcome) =>
  (outcome.status === 'completed' ? outcome.result.understudy.attempts : outcome.error.attempts).map((a) => [
    a.target,
    a.outcome,
  ]);
const callsTo = async (provider: string) => (await admin.calls({ provider })).total;

describe('a job is answered', () => {
  test('by its own target, with the response verbatim and who served it', async () => {
    const outcome = await run(HELLO);
    expect(outcome).toMatchObject({
      status: 'completed',
      result: {
        object: 'chat.completion',
        model: 'm1',
        choices: [{ finish_reason: 'stop' }],
        understudy: { target: 'one' },
      },
    });
    expect(attemptsOf(outcome)).toEqual([['one', 'success']]);
  });

  test.each([
    ['answers 503', { kind: 'down' }, 'overloaded'],
    ['answers 500', { kind: 'status', status: 500 }, 'server_error'],
    ['breaks the connection', { kind: 'down', mode: 'reset' }, 'connection'],
    ['never answers', { kind: 'down', mode: 'hang' }, 'timeout'],
    ['answers HTML with 200', { kind: 'html' }, 'bad_response'],
    ['answers no choices', { kind: 'empty-choices' }, 'bad_response'],
    ['answers half a body', { kind: 'garbage' }, 'bad_response'],
    ['answers an error in a 200', { kind: 'error-in-200' }, 'server_error'],
    ['limits the rate', { kind: 'rate-limit' }, 'rate_limited'],
    ['refuses the key', { kind: 'status', status: 401 }, 'auth'],
    ['lost the model', { kind: 'status', status: 404, code: 'model_not_found' }, 'model_gone'],
  ] as const)('by the other target when the first %s', async (_what, fault, failure) => {
    await admin.addFault({ provider: first, fault });
    const outcome = await run(HELLO);
    expect(outcome.status).toBe('completed');
    expect(attemptsOf(outcome)).toEqual([
      ['one', failure],
      ['two', 'success'],
    ]);
  });

  test('after waiting in the queue, when nobody can answer at first; its attempts are all known', async () => {
    await Promise.all([admin.kill(first), admin.kill(second)]);
    const outcome = run(HELLO);
    await expect.poll(() => callsTo(second), { timeout: 5000 }).toBeGreaterThan(0);
    await admin.revive(second);
    expect(attemptsOf(await outcome).at(-1)).toEqual(['two', 'success']);
    expect(attemptsOf(await outcome).slice(0, 2)).toEqual([
      ['one', 'overloaded'],
      ['two', 'overloaded'],
    ]);
  });
});

describe('a job fails with a reason', () => {
  test('when this router itself breaks on it, and the queue gives it up', async () => {
    const fault = vi.spyOn(router.app.get(RouteService), 'run').mockRejectedValue(new Error('a bug of ours'));
    const connection = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
    const raw = new Queue('completion', { connection, prefix });
    const job = await raw.add('by hand', { ...HELLO, replyTo: replies.address }, { attempts: 1 });
    const outcome = await replies.waitFor(job.id!, { timeoutMs: 5_000 });
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'internal_error', jobId: job.id } });
    expect(JSON.stringify(outcome)).not.toContain('a bug of ours');
    fault.mockRestore();
    await raw.close();
    await closeRedis(connection);
  });

  test('when a provider rejects the request itself: nobody else is asked', async () => {
    await admin.addFault({
      provider: first,
      fault: { kind: 'status', status: 400, type: 'invalid_request_error', message: 'bad temperature' },
    });
    const outcome = await run(HELLO);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'request_rejected',
        providerStatus: 400,
        message: expect.stringContaining('bad temperature') as string,
      },
    });
    expect(await callsTo(second)).toBe(0);
  });

  test('when every key is refused: waiting would not help', async () => {
    for (const provider of [first, second]) await admin.addFault({ provider, fault: { kind: 'status', status: 401 } });
    expect(await run(HELLO)).toMatchObject({
      status: 'failed',
      error: {
        code: 'all_targets_failed',
        message: expect.stringContaining('2 attempts') as string,
        attempts: [{}, {}],
      },
    });
  });

  test('when its deadline passes while nobody can answer', async () => {
    await Promise.all([admin.kill(first), admin.kill(second)]);
    expect(await run({ ...HELLO, deadlineMs: 700 })).toMatchObject({
      status: 'failed',
      error: { code: 'deadline_exceeded', retryable: true },
    });
  });

  test('when its deadline cuts a slow call', async () => {
    await admin.slow(first, { addMs: 10_000 });
    const outcome = await run({ ...HELLO, deadlineMs: 150 });
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded' } });
    expect(attemptsOf(outcome)).toEqual([['one', 'timeout']]);
  });

  test.each([
    ['has no messages', { request: { model: 'm1' } }, 'invalid_request', 'request.messages'],
    [
      'has an empty list of messages',
      { request: { model: 'm1', messages: [] } },
      'invalid_request',
      'request.messages',
    ],
    ['is no object', { request: 'hi' }, 'invalid_request', 'request'],
    ['asks for several answers', { request: { ...HELLO.request, n: 3 } }, 'invalid_request', 'request.n'],
    ['has an unknown field in its envelope', { ...HELLO, colour: 'red' }, 'invalid_request', 'colour'],
    ['names an unknown model', { request: { ...HELLO.request, model: 'gpt-9' } }, 'unknown_model', 'model'],
    ['pins an unknown target', { ...HELLO, routing: { pin: 'x' } }, 'unknown_target', 'routing.pin'],
  ])('when it %s; no provider is called', async (_what, job, code, field) => {
    expect(await run(job)).toMatchObject({ status: 'failed', error: { code, field } });
    expect((await callsTo(first)) + (await callsTo(second))).toBe(0);
  });
});
