import { afterEach, describe, expect, test } from 'vitest';
import {
  allAttempts,
  attemptsOf,
  type Pair,
  type PairOptions,
  pausesOf,
  startPair,
  WIRES,
} from './guarantees.fixture.js';

/** The promises about errors and retries, each through a whole router, real Redis and the simulator. */

/** "At once", on a machine that does much else. */
const AT_ONCE_MS = 1_000;
const URLS = { redisUrl: process.env.REDIS_URL!, simulatorUrl: process.env.SIMULATOR_URL! };
let pair: Pair;
const start = async (options: PairOptions = {}) => (pair = await startPair(URLS, options));
afterEach(() => pair?.stop());

const gapsOf = (calls: { at: number }[]) => calls.slice(1).map(({ at }, i) => at - calls[i]!.at);

describe.each(WIRES)('with $kind, streaming $streaming', (wire) => {
  test('G06 one 500 and then an answer: at most two attempts, one result', async () => {
    await start({ wire, second: null });
    await pair.fault({ kind: 'status', status: 500 }, { forRequests: 1 });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'server_error'],
      ['one', 'success'],
    ]);
    expect(await pair.callsToFirst()).toHaveLength(2);
  });

  test.each([503, 529])(
    'G07 persistent %i: the other target answers, after at most two calls to the first',
    async (status) => {
      await start({ wire });
      await pair.fault({ kind: 'status', status });
      const outcome = await pair.run();
      expect(attemptsOf(outcome)).toEqual([
        ['one', 'overloaded'],
        ['two', 'success'],
      ]);
      expect(pausesOf(outcome)[0]).toBeLessThan(AT_ONCE_MS);
      expect((await pair.callsToFirst()).length).toBeLessThanOrEqual(2);
    },
  );

  test('G08 a 429 with Retry-After: the only target is left alone for exactly so long', async () => {
    await start({ wire, second: null });
    await pair.fault({ kind: 'rate-limit', retryAfterSeconds: 2 }, { forRequests: 1 });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'rate_limited'],
      ['one', 'success'],
    ]);
    const [gap] = gapsOf(await pair.callsToFirst());
    expect(gap).toBeGreaterThanOrEqual(2_000);
    expect(gap).toBeLessThan(4_000);
  });

  test('G08 a 429 with Retry-After and a second target: it answers at once, and the first is not called again before', async () => {
    await start({ wire });
    await pair.fault({ kind: 'rate-limit', retryAfterSeconds: 60 }, { forRequests: 1 });
    const outcome = await pair.run();
    expect(attemptsOf(outcome)).toEqual([
      ['one', 'rate_limited'],
      ['two', 'success'],
    ]);
    expect(pausesOf(outcome)[0]).toBeLessThan(AT_ONCE_MS);
    for (let i = 0; i < 3; i++) expect(attemptsOf(await pair.run())).toEqual([['two', 'success']]);
    expect(await pair.callsToFirst()).toHaveLength(1);
  });

  test('a 503 with Retry-After: the only target is left alone for so long', async () => {
    await start({ wire, second: null });
    await pair.fault({ kind: 'status', status: 503, headers: { 'retry-after': '2' } }, { forRequests: 1 });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'overloaded'],
      ['one', 'success'],
    ]);
    const [gap] = gapsOf(await pair.callsToFirst());
    expect(gap).toBeGreaterThanOrEqual(2_000);
  });

  test('G12 a malformed request: no retry, nobody else is asked, no penalty, the provider’s own message', async () => {
    await start({ wire });
    await pair.fault({ kind: 'status', status: 400, message: 'temperature is wrong' });
    expect(await pair.run()).toMatchObject({
      status: 'failed',
      error: { code: 'request_rejected', message: expect.stringContaining('temperature is wrong') as string },
    });
    expect(await pair.callsToFirst()).toHaveLength(1);
    expect(await pair.callsToSecond()).toHaveLength(0);
    await expect.poll(() => pair.countedForFirst()).toEqual(['bad_request']);
  });

  test.each([
    [401, 'auth'],
    [403, 'auth'],
  ])('G13 %i: no retry there, the sibling answers', async (status, outcome) => {
    await start({ wire });
    await pair.fault({ kind: 'status', status });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', outcome],
      ['two', 'success'],
    ]);
    expect(await pair.callsToFirst()).toHaveLength(1);
    await expect.poll(() => pair.countedForFirst()).toEqual([outcome]);
  });

  test('G14 a model that is gone: its target is opened at once, and the next one answers', async () => {
    await start({ wire });
    await pair.fault({
      kind: 'status',
      status: 404,
      ...(wire.kind === 'anthropic' ? {} : { code: 'model_not_found' }),
    });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'model_gone'],
      ['two', 'success'],
    ]);
    expect(attemptsOf(await pair.run())).toEqual([['two', 'success']]);
    expect(await pair.callsToFirst()).toHaveLength(1);
  });

  const TOO_LONG = {
    kind: 'status',
    status: 400,
    message: 'prompt is too long: 300000 tokens > 200000 maximum',
  } as const;

  test('G15 too long a context: one attempt, a clean failure, no penalty', async () => {
    await start({ wire });
    await pair.fault(TOO_LONG);
    expect(await pair.run()).toMatchObject({ status: 'failed', error: { code: 'request_rejected' } });
    expect([await pair.callsToFirst(), await pair.callsToSecond()].map(({ length }) => length)).toEqual([1, 0]);
    await expect.poll(() => pair.countedForFirst()).toEqual(['context_length']);
  });

  test('G15 too long a context, and a larger window is configured: it answers', async () => {
    await start({ wire, first: 'contextFallbacks: [two]' });
    await pair.fault(TOO_LONG);
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'context_length'],
      ['two', 'success'],
    ]);
  });

  test('G16 the filter objects: a clean error, unless another target is configured for it', async () => {
    await start({ wire });
    const FILTERED = { kind: 'status', status: 400, message: 'Output blocked by content filtering policy' } as const;
    await pair.fault(FILTERED);
    expect(await pair.run()).toMatchObject({ status: 'failed', error: { code: 'request_rejected' } });
    expect(await pair.callsToSecond()).toHaveLength(0);
    await expect.poll(() => pair.countedForFirst()).toEqual(['content_filter']);
    await pair.stop();

    await start({ wire, first: 'refusalFallbacks: [two]' });
    await pair.fault(FILTERED);
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'content_filter'],
      ['two', 'success'],
    ]);
  });

  test('G16 a refusal inside a 200: the answer as it is, unless another target is configured for it', async () => {
    const reason = wire.kind === 'anthropic' ? 'refusal' : 'content_filter';
    await start({ wire });
    await pair.fault({ kind: 'finish', reason });
    expect(await pair.run()).toMatchObject({
      status: 'completed',
      result: { choices: [{ finish_reason: 'content_filter' }] },
    });
    await pair.stop();

    await start({ wire, first: 'refusalFallbacks: [two]' });
    await pair.fault({ kind: 'finish', reason });
    expect(await pair.run()).toMatchObject({ status: 'completed', result: { understudy: { target: 'two' } } });
  });

  test('G17 a connection that is reset before headers: one more try there at once, then answered elsewhere, each counted', async () => {
    await start({ wire });
    await pair.fault({ kind: 'reset', at: 'before-headers' });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'connection'],
      ['one', 'connection'],
      ['two', 'success'],
    ]);
    expect(await pair.callsToFirst()).toHaveLength(2);
    await expect.poll(() => pair.countedForFirst()).toEqual(['connection', 'connection']);
  });

  test.each(['after-headers', 'mid-body'] as const)(
    'G17 a connection that is reset %s: answered elsewhere, and counted',
    async (at) => {
      await start({ wire });
      await pair.fault({ kind: 'reset', at });
      const outcome = await pair.run();
      expect(outcome).toMatchObject({ status: 'completed', result: { understudy: { target: 'two' } } });
      expect(['connection', 'stream_broken']).toContain(attemptsOf(outcome)[0]?.[1]);
      await expect.poll(() => pair.countedForFirst()).toEqual([attemptsOf(outcome)[0]?.[1]]);
    },
  );

  test('G18 no quota: no retry, the target is opened, the sibling answers', async () => {
    await start({ wire });
    const fault =
      wire.kind === 'anthropic'
        ? ({ kind: 'status', status: 400, message: 'Your credit balance is too low to access the API' } as const)
        : ({ kind: 'status', status: 429, code: 'insufficient_quota', type: 'insufficient_quota' } as const);
    await pair.fault(fault);
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'quota'],
      ['two', 'success'],
    ]);
    expect(attemptsOf(await pair.run())).toEqual([['two', 'success']]);
    expect(await pair.callsToFirst()).toHaveLength(1);
  });

  test('G18 the word quota in a text about a rate: a rate limit, that ends', async () => {
    await start({ wire });
    await pair.fault({ kind: 'status', status: 429, message: 'You exceeded your current quota, try again later' });
    expect(attemptsOf(await pair.run())[0]).toEqual(['one', 'rate_limited']);
  });
});

test('G09 persistent 429 without a header: waits that grow, never more than two attempts within 1.5 s', async () => {
  await start({ second: null, more: 'health: { policy: { minRemainingMs: 500 } }' });
  await pair.fault({ kind: 'rate-limit' });
  await pair.run({ deadlineMs: 13_000 }, 20_000);
  const calls = await pair.callsToFirst();
  expect(calls.length).toBeGreaterThan(2);
  for (const [i, { at }] of calls.slice(2).entries()) expect(at - calls[i]!.at).toBeGreaterThan(1_500);
}, 30_000);

test('G09 persistent 429 without a header and a second target: it answers', async () => {
  await start();
  await pair.fault({ kind: 'rate-limit' });
  expect(attemptsOf(await pair.run()).at(-1)).toEqual(['two', 'success']);
});

test('G10 waits that are asked for anew each time: each is obeyed, the latest counts', async () => {
  await start({ second: null });
  const waits = [300, 4_000, 900];
  for (const [i, ms] of waits.entries())
    await pair.fault(
      { kind: 'status', status: 429, headers: { 'retry-after-ms': String(ms) } },
      { onRequests: [i + 1, i + 1] },
    );
  expect(attemptsOf(await pair.run({}, 15_000)).at(-1)).toEqual(['one', 'success']);
  const gaps = gapsOf(await pair.callsToFirst());
  for (const [i, ms] of waits.entries()) expect(gaps[i]).toBeGreaterThanOrEqual(ms);
  expect(gaps[2]).toBeLessThan(4_000);
});

test.each(['-5', '0', 'soon', 'NaN', '1e9999', '', new Date(0).toUTCString()])(
  'G11 a Retry-After of "%s": the wait is short, and the job is answered',
  async (value) => {
    await start({ second: null });
    await pair.fault({ kind: 'status', status: 429, headers: { 'retry-after': value } }, { forRequests: 1 });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'rate_limited'],
      ['one', 'success'],
    ]);
  },
);

test.each(['1000000', new Date(Date.now() + 30 * 86_400_000).toUTCString()])(
  'G11 a Retry-After of "%s": the wait is bounded, and told when the job ends before',
  async (value) => {
    await start({ second: null });
    await pair.fault({ kind: 'status', status: 429, headers: { 'retry-after': value } });
    const outcome = await pair.run({ deadlineMs: 4_000 }, 15_000);
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded' } });
    const { nextAvailableAt } = (outcome as Extract<typeof outcome, { status: 'failed' }>).error;
    expect(nextAvailableAt).toBeGreaterThan(Date.now());
    expect(nextAvailableAt).toBeLessThan(Date.now() + 300_000);
  },
);

test.each([
  ['a name that nobody knows', 'http://no-such-host.invalid/v1', 'dns_tls'],
  ['a port where nobody listens', 'http://127.0.0.1:1/v1', 'connection'],
])('G17 %s: answered elsewhere, and counted', async (_what, baseUrl, failure) => {
  await start({ baseUrl });
  expect(attemptsOf(await pair.run())).toEqual([
    ['one', failure],
    ['two', 'success'],
  ]);
  await expect.poll(() => pair.countedForFirst()).toEqual([failure]);
});

test('a target that knows no parameter of ten requests in a row is told of, once', async () => {
  await start();
  await pair.fault({ kind: 'status', status: 400, code: 'unsupported_parameter' });
  for (let i = 0; i < 12; i++) await pair.run({ routing: { preferred: 'one' } });
  expect(pair.router.logs.filter(({ event }) => event === 'llm.target.refuses_requests')).toMatchObject([
    { target: 'one', in_a_row: 10, level: 'warn' },
  ]);
});

test('a job that no target will ever take tells the first fault that was found with it', async () => {
  await start({ more: 'jobs: { failoverOn: [bad_request] }' });
  await pair.fault({ kind: 'status', status: 400, message: 'first says no' });
  await pair.faultOfSecond({ kind: 'status', status: 400, message: 'second says no' });
  const outcome = await pair.run();
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'request_rejected' } });
  expect(allAttempts(outcome)).toHaveLength(2);
});

test.each(['maxAttempts: 1', 'maxAttemptsPerPass: 1'])(
  'with %s a refusal in hand is the answer, and a fault of the request its own error',
  async (limit) => {
    const first = 'refusalFallbacks: [two], contextFallbacks: [two]';
    await start({ first, more: `jobs: { ${limit} }` });
    await pair.fault({ kind: 'finish', reason: 'content_filter' }, { forRequests: 1 });
    expect(await pair.run()).toMatchObject({ status: 'completed', result: { understudy: { target: 'one' } } });
    await pair.fault({ kind: 'status', status: 400, code: 'context_length_exceeded' });
    expect(await pair.run()).toMatchObject({ status: 'failed', error: { code: 'request_rejected' } });
  },
);
