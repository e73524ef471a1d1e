import { type CompletionJob, type JobOutcome, redisKeys } from '#libs/contracts';
import { CompletionQueue } from '#libs/queue';
import { closeRedis, connectRedis } from '#libs/redis';
import { simulatorAdmin, SLACK_MS, uniquePrefix } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RouteService } from './route.service.js';
import { type RunningRouter, startRouter } from './router.fixture.js';

/**
 * A whole router on a real Redis, with two providers of the simulator. No aggregator runs, so that the router knows nothing of
 * health but what its own attempts show.
 */
const redisUrl = process.env.REDIS_URL!;
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const [first, second] = ['first', 'second'].map((name) => `${name}-${uniquePrefix().replace(/\W/g, '')}`) as [
  string,
  string,
];
const CONFIG = `
providers:
  ${first}: { kind: openai-compatible, baseUrl: '${admin.url}/${first}/v1' }
  ${second}: { kind: openai-compatible, baseUrl: '${admin.url}/${second}/v1' }
targets:
  - { id: one, provider: ${first}, model: m1, timeoutMs: 2000 }
  - { id: two, provider: ${second}, model: m2, timeoutMs: 20000 }
# One trial and no second one, which would come by chance or, on a slow machine, by time.
health: { policy: { trialShare: 0, trialGapMs: 60000 } }
`;
const HELLO: CompletionJob = { request: { model: 'm1', messages: [{ role: 'user', content: 'hello' }] } };

let router: RunningRouter;
const run = (job: unknown, timeoutMs?: number): Promise<JobOutcome> => router.run(job, timeoutMs);

beforeEach(async () => {
  await admin.createProvider(first, { models: { m1: {} }, latency: { kind: 'fixed', ms: 1 } });
  await admin.createProvider(second, { models: { m2: {} }, latency: { kind: 'fixed', ms: 1 } });
  router = await startRouter(redisUrl, CONFIG);
});

afterEach(async () => {
  await router.stop();
  for (const provider of [first, second]) {
    await admin.revive(provider);
    await admin.clearCalls(provider);
  }
});

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
    ['breaks the connection', { kind: 'reset', at: 'after-headers' }, 'connection'],
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
    await expect.poll(() => callsTo(second)).toBeGreaterThan(0);
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
    const fault = vi.spyOn(router.service.app.get(RouteService), 'run').mockRejectedValue(new Error('a bug of ours'));
    const connection = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
    const raw = new Queue('completion', { connection, prefix: router.prefix });
    const job = await raw.add('by hand', { ...HELLO, replyTo: router.replies.address }, { attempts: 1 });
    const outcome = await router.replies.waitFor(job.id!, { timeoutMs: 20_000 });
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'internal_error', jobId: job.id } });
    expect(JSON.stringify(outcome)).not.toContain('a bug of ours');
    fault.mockRestore();
    await raw.close();
    await closeRedis(connection);
  });

  test('when its request is a byte larger than the limit, whoever enqueued it; one of exactly the limit is answered', async () => {
    const sized = (bytes: number) => {
      const asked = { ...HELLO.request, user: '' };
      return { ...HELLO, request: { ...asked, user: 'x'.repeat(bytes - JSON.stringify(asked).length) } };
    };
    expect(await run(sized(4 * 1024 * 1024))).toMatchObject({ status: 'completed' });
    const calls = await callsTo(first);
    expect(await run(sized(4 * 1024 * 1024 + 1))).toMatchObject({
      status: 'failed',
      error: { code: 'payload_too_large', message: expect.stringMatching(/4194305 bytes .* 4194304 /) as string },
    });
    expect(await callsTo(first)).toBe(calls);
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
    const outcome = await run({ ...HELLO, deadlineMs: 1_500 });
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

const statusOf = async () =>
  (await (await fetch(`${router.url}/status`)).json()) as { snapshot: { version: number; stale: boolean } };
const untilVersion = (version: number) =>
  vi.waitFor(async () => expect((await statusOf()).snapshot).toMatchObject({ version, stale: false }), {
    interval: 10,
  });
const open = () => ({
  breaker: 'open' as const,
  available: false,
  healthy: false,
  generation: 3,
  openUntil: Date.now() + 60_000,
  changedAt: Date.now(),
  // A prober is at work: nobody needs to try by himself.
  lastProbeAt: Date.now(),
  reason: 'consecutive_failures' as const,
});

describe('published health decides', () => {
  test('a target with an open breaker is not asked', async () => {
    await untilVersion((await router.publish({ one: open() })).version);
    expect(attemptsOf(await run(HELLO))).toEqual([['two', 'success']]);
    expect(await callsTo(first)).toBe(0);
  });

  test('a half-open target gets one trial, whose observation says so, and the other jobs go elsewhere', async () => {
    await untilVersion((await router.publish({ one: { ...open(), breaker: 'half-open', generation: 4 } })).version);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => run(HELLO)));
    const targets = outcomes.map((outcome) => attemptsOf(outcome)[0]?.[0]);
    expect(targets.filter((target) => target === 'one')).toHaveLength(1);
    await vi.waitFor(async () => expect(await router.observations()).toHaveLength(5));
    const observations = await router.observations();
    for (const { target, trial, generation } of observations)
      expect([target, trial, generation]).toEqual(target === 'one' ? ['one', true, 4] : ['two', undefined, 0]);
  });

  test('with every breaker open a job waits without a call, and is answered within a second of the first recovery', async () => {
    await untilVersion((await router.publish({ one: open(), two: open() })).version);
    // Each router makes one real attempt per target now and then, so that nobody waits for a prober that is not there.
    await Promise.all([admin.kill(first), admin.kill(second)]);
    for (let i = 0; i < 2; i++) void run(HELLO, 30_000).catch(() => undefined);
    await vi.waitFor(async () => expect((await callsTo(first)) + (await callsTo(second))).toBe(2));
    const waiting = run(HELLO, 20_000);
    await vi.waitFor(async () =>
      expect(await (await fetch(`${router.url}/metrics`)).text()).toMatch(/^ai_jobs_parked\{queue="completion"\} 3$/m),
    );
    expect(router.logs.filter(({ event }) => event === 'llm.jobs.parked')).toHaveLength(1);
    expect((await callsTo(first)) + (await callsTo(second))).toBe(2);

    await Promise.all([admin.revive(first), admin.revive(second)]);
    const recoveredAt = performance.now();
    await router.publish({ two: open() });
    expect((await waiting).status).toBe('completed');
    expect(performance.now() - recoveredAt).toBeLessThan(1_000 + SLACK_MS);
  });

  test('a Retry-After is obeyed to the letter when nobody else can answer', async () => {
    const fault = await admin.addFault({
      provider: first,
      fault: { kind: 'rate-limit', retryAfterSeconds: 1 },
      forRequests: 1,
    });
    const began = performance.now();
    const outcome = await run({ ...HELLO, routing: { pin: 'one' } });
    expect(attemptsOf(outcome)).toEqual([
      ['one', 'rate_limited'],
      ['one', 'success'],
    ]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_000);
    expect(performance.now() - began).toBeLessThan(1_100 + SLACK_MS);
    await admin.removeFault(fault.id).catch(() => undefined);
  });
});

describe('without published health', () => {
  test('a router leaves a target that fails in a row by itself, and says that health is stale', async () => {
    await admin.kill(first);
    for (let i = 0; i < 3; i++) expect(attemptsOf(await run(HELLO))[0]).toEqual(['one', 'overloaded']);
    const calls = await callsTo(first);
    for (let i = 0; i < 3; i++) expect(attemptsOf(await run(HELLO))).toEqual([['two', 'success']]);
    expect(await callsTo(first)).toBe(calls);
    expect(await statusOf()).toMatchObject({ snapshot: { stale: true }, health_source: 'own-outcomes' });
  });

  test('the age of health in use is in the metrics, from the first snapshot on', async () => {
    const metrics = async () => (await fetch(`${router.url}/metrics`)).text();
    expect(await metrics()).not.toMatch(/^ai_health_snapshot_age_seconds /m);
    await untilVersion((await router.publish()).version);
    expect(await metrics()).toMatch(/^ai_health_snapshot_age_seconds [0-9.e-]+$/m);
  });
});

test('a cancelled job keeps its result for as long as the routers keep theirs, whatever its client was told', async () => {
  const strict = await startRouter(redisUrl, `${CONFIG}\njobs: { resultTtlMs: 60000 }`);
  const queue = new CompletionQueue({ redisUrl, prefix: strict.prefix });
  const redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
  const { result, resultTtl } = redisKeys(strict.prefix);
  await expect.poll(() => redis.get(resultTtl), { timeout: SLACK_MS }).toBe('60000');
  const id = await queue.add(HELLO, { delayMs: 600_000 });
  expect(await queue.cancel(id)).toBe('cancelled');
  const ttl = await redis.pttl(result(id));
  expect(ttl).toBeGreaterThan(0);
  expect(ttl).toBeLessThanOrEqual(60_000);
  await Promise.all([strict.stop(), queue.close(), closeRedis(redis)]);
});
