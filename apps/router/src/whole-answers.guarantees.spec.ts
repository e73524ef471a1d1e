import type { JobResult } from '#libs/contracts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  allAttempts,
  attemptsOf,
  type Pair,
  type PairOptions,
  startPair,
  STREAMS,
  textOf,
  WIRES,
} from './guarantees.fixture.js';

/** The promises about streams, bodies and deadlines, each through a whole router, real Redis and the simulator. */
const URLS = { redisUrl: process.env.REDIS_URL!, simulatorUrl: process.env.SIMULATOR_URL! };
let pair: Pair;
const start = async (options: PairOptions = {}) => (pair = await startPair(URLS, options));
afterEach(() => pair?.stop());

const answeredBySecond = async () => {
  const outcome = await pair.run();
  expect(outcome).toMatchObject({ status: 'completed', result: { understudy: { target: 'two' } } });
  expect(textOf(outcome).length).toBeGreaterThan(0);
  expect(await pair.callsToFirst()).toHaveLength(1);
  return allAttempts(outcome)[0]!;
};

describe.each(WIRES)('with $kind, streaming $streaming', (wire) => {
  test('G19 no response at all: another target answers after one timeout, the silent one is asked once', async () => {
    await start({ wire, first: 'timeoutMs: 300' });
    await pair.fault({ kind: 'down', mode: 'hang' });
    expect(await answeredBySecond()).toMatchObject({ outcome: 'timeout', deadline: 'total' });
  });

  test.each([
    ['an error as the body of a 200', { kind: 'error-in-200' }, 'server_error'],
    ['a full account told in a 200', { kind: 'error-in-200', status: 503 }, 'overloaded'],
  ] as const)('G26 %s: classified like the status it stands for', async (_what, fault, failure) => {
    await start({ wire });
    await pair.fault(fault);
    expect((await answeredBySecond()).outcome).toBe(failure);
  });

  test.each([
    ['HTML', { kind: 'html' }],
    ['null', { kind: 'null-body' }],
    ['nothing', { kind: 'empty-body' }],
    ['half a JSON', { kind: 'garbage' }],
    ['what is not UTF-8', { kind: 'invalid-utf8' }],
    ['100 MB', { kind: 'huge', megabytes: 100 }],
  ] as const)(
    'G27 a 200 with %s: a counted failure with a short reason, and another target answers',
    async (_what, fault) => {
      await start({ wire });
      await pair.fault(fault);
      const { outcome, message } = await answeredBySecond();
      expect(['bad_response', 'stream_broken']).toContain(outcome);
      expect(message!.length).toBeLessThanOrEqual(300);
      await expect.poll(() => pair.countedForFirst()).toEqual([outcome]);
    },
  );

  test.each([
    ['empty choices', { kind: 'empty-choices' }],
    ['no choices', { kind: 'no-choices' }],
    ['no content and no tool call', { kind: 'empty-content' }],
    ['a role and nothing else', { kind: 'role-only' }],
  ] as const)('G28 a 200 with %s: a failed attempt', async (_what, fault) => {
    await start({ wire });
    await pair.fault(fault);
    expect((await answeredBySecond()).outcome).toBe('bad_response');
  });

  test('G29 headers and then silence: the deadline covers the body too', async () => {
    await start({ wire, first: 'timeoutMs: 300' });
    await pair.fault({ kind: 'stall' });
    expect((await answeredBySecond()).outcome).toBe('timeout');
  });

  test('G29 headers that come byte by byte: the deadline covers them too', async () => {
    await start({ wire, first: 'timeoutMs: 400' });
    await pair.fault({ kind: 'slow-drip', bytesPerSecond: 1, headers: true });
    expect((await answeredBySecond()).outcome).toBe('timeout');
  });

  test("G31 the job's own deadline passes in the middle: the job fails by it, and nobody is blamed", async () => {
    await start({ wire, first: 'timeoutMs: 10000', second: null });
    await pair.fault({ kind: 'down', mode: 'hang' });
    expect(await pair.run({ deadlineMs: 1_500 })).toMatchObject({
      status: 'failed',
      error: { code: 'deadline_exceeded' },
    });
    await expect.poll(() => pair.countedForFirst()).toEqual(['cancelled']);
  });

  test("a timeout that the provider reports blames it, however short the job's own deadline", async () => {
    await start({ wire, first: 'timeoutMs: 20000' });
    await pair.fault({ kind: 'status', status: 504 });
    expect(await pair.run({ deadlineMs: 10_000 })).toMatchObject({ status: 'completed' });
    await expect.poll(() => pair.countedForFirst()).toEqual(['timeout']);
  });

  test('G56 the result tells target, model, attempts, usage and cost of the answer that was given', async () => {
    await start({ wire, first: 'price: { inputPerMillion: 1000, outputPerMillion: 0 }' });
    const outcome = await pair.run();
    if (outcome.status === 'failed') throw new Error(outcome.error.message);
    const { usage, cost, ...rest } = outcome.result.understudy;
    expect(rest).toMatchObject({ target: 'one', servedModel: 'm1', requestedModel: 'm1' });
    expect(usage).toMatchObject({ estimated: false });
    expect(cost).toEqual({ usd: usage!.inputTokens / 1_000, source: 'config', estimated: false });
  });

  test.each([
    ['counts its tokens and says nothing', { kind: 'empty-content' }],
    ['breaks off after it has counted the prompt', { kind: 'cut', afterChunks: 2 }],
  ] as const)('G56 a call that %s is not billed: usage and cost are those of the answer', async (_what, fault) => {
    const price = (usd: number) => `price: { inputPerMillion: ${usd}, outputPerMillion: ${usd} }`;
    await start({ wire, first: price(9_000), second: price(1_000) });
    await pair.fault(fault);
    const outcome = await pair.run();
    if (outcome.status === 'failed') throw new Error(outcome.error.message);
    const { usage: said, understudy } = outcome.result as JobResult & { usage: Record<string, number> };
    const { target, usage, cost, attempts } = understudy;
    expect(target).toBe('two');
    expect(usage).toEqual({
      inputTokens: said['prompt_tokens'],
      outputTokens: said['completion_tokens'],
      estimated: false,
    });
    expect(cost).toEqual({ usd: said['total_tokens']! / 1_000, source: 'config', estimated: false });
    expect(attempts.map(({ outcome, costUsd }) => [outcome === 'success', costUsd])).toEqual([
      [false, undefined],
      [true, cost!.usd],
    ]);
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    expect(metrics).toMatch(/^ai_cost_usd_total\{model="m1"\} 0$/m);
    expect(metrics).toContain(`ai_cost_usd_total{model="m2"} ${cost!.usd}\n`);
  });

  test('tokens that the provider does not count are estimated, and told to be', async () => {
    await start({ wire });
    await pair.fault({ kind: 'no-usage' });
    expect(await pair.run()).toMatchObject({ result: { understudy: { usage: { estimated: true } } } });
  });

  test('the model that served is told, not the one that was asked', async () => {
    await start({ wire });
    await pair.fault({ kind: 'served-model', model: 'something-cheaper' });
    expect(await pair.run()).toMatchObject({ result: { understudy: { servedModel: 'something-cheaper' } } });
  });
});

describe.each(STREAMS)('a stream of $kind', (wire) => {
  test('G20 whose first token does not come: the other target answers after the limit for it', async () => {
    await start({ wire, first: 'firstTokenTimeoutMs: 300' });
    await pair.fault({ kind: 'slow-first-token', ms: 20_000 });
    expect(await answeredBySecond()).toMatchObject({ outcome: 'timeout', deadline: 'first_token' });
  });

  test('G20 whose first token does not come: the limit follows what is usual for the target', async () => {
    await start({ wire });
    await pair.router.publish({ one: { usualProbeMs: 80 } });
    await vi.waitFor(async () => {
      const { snapshot } = (await (await fetch(`${pair.router.url}/status`)).json()) as {
        snapshot: { version: number; stale: boolean };
      };
      expect(snapshot).toMatchObject({ version: 1, stale: false });
    });
    await pair.fault({ kind: 'slow-first-token', ms: 20_000 });
    // Without that it would be ten seconds.
    expect(await answeredBySecond()).toMatchObject({ message: 'no first token within 5000 ms' });
  });

  test('G20 that only says that it is alive: comments do not stand in for a token', async () => {
    await start({ wire, first: 'firstTokenTimeoutMs: 300' });
    await pair.fault({ kind: 'keep-alive-only', intervalMs: 20 });
    expect(await answeredBySecond()).toMatchObject({ outcome: 'timeout', deadline: 'first_token' });
  });

  test.each([false, true])(
    'G21 P5 that is cut in the middle (abruptly: %s): a whole answer from elsewhere',
    async (abrupt) => {
      await start({ wire });
      await pair.fault({ kind: 'cut', afterChunks: 2, abrupt });
      const attempt = await answeredBySecond();
      expect(['stream_broken', 'connection']).toContain(attempt.outcome);
      expect(attempt.discardedChars).toBeGreaterThan(0);
    },
  );

  test('G22 that falls silent in the middle: the same, through the idle deadline', async () => {
    await start({ wire, first: 'idleTimeoutMs: 1000' });
    await pair.fault({ kind: 'stall', afterChunks: 2 });
    const attempt = await answeredBySecond();
    expect(attempt).toMatchObject({ deadline: 'idle' });
    expect(attempt.discardedChars).toBeGreaterThan(0);
  });

  test("whose own limit runs out is to blame, however short the job's own deadline", async () => {
    await start({ wire, first: 'timeoutMs: 20000, idleTimeoutMs: 300' });
    await pair.fault({ kind: 'stall', afterChunks: 2 });
    const outcome = await pair.run({ deadlineMs: 10_000 });
    expect(allAttempts(outcome)[0]).toMatchObject({ outcome: 'timeout', deadline: 'idle' });
    await expect.poll(() => pair.countedForFirst()).toEqual(['timeout']);
  });

  test('G23 with a malformed event: the same', async () => {
    await start({ wire });
    await pair.fault({ kind: 'malformed-event', event: 5 });
    expect(['stream_broken', 'bad_response']).toContain((await answeredBySecond()).outcome);
  });

  test('G24 without an end marker: accepted with a stop reason, cut without one', async () => {
    await start({ wire });
    await pair.fault({ kind: 'no-done', finish: true });
    expect(attemptsOf(await pair.run())).toEqual([['one', 'success']]);
    await pair.revive();
    await pair.fault({ kind: 'no-done', finish: false });
    expect(attemptsOf(await pair.run()).at(-1)).toEqual(['two', 'success']);
  });

  test('G25 that breaks, and a target that takes no half answers: begun anew there, the first error is kept', async () => {
    await start({ wire });
    await pair.fault({ kind: 'cut', afterChunks: 2 });
    await pair.faultOfSecond({ kind: 'reject-prefill' });
    expect((await answeredBySecond()).outcome).toBe('stream_broken');
  });

  test.each([1, 4])('G26 with an error as event %i: never a success', async (event) => {
    await start({ wire });
    await pair.fault({ kind: 'error-event', event, status: 503 });
    expect(['overloaded', 'stream_broken']).toContain((await answeredBySecond()).outcome);
  });

  test('G30 that is alive but too slow: given up where a floor is configured, kept where none is', async () => {
    await start({ wire, first: 'minTokensPerSecond: 100, idleTimeoutMs: 1000' });
    await pair.fault({ kind: 'slow-drip', tokensPerSecond: 4 });
    expect(await answeredBySecond()).toMatchObject({ outcome: 'timeout', deadline: 'too_slow' });
    await pair.stop();

    await start({ wire });
    await pair.fault({ kind: 'slow-drip', tokensPerSecond: 40 });
    const request = { model: 'm1', messages: [{ role: 'user', content: 'hello' }], max_tokens: 20 };
    expect(attemptsOf(await pair.run({ request }))).toEqual([['one', 'success']]);
  });

  test('G30 that begins in time and then crawls: the score drops, and others get the traffic', async () => {
    const more = 'health: { policy: { crawlPerTokenMs: 10 } }';
    const first = 'maxLatencyMs: 100, expectedLatencyMs: 50';
    await start({ wire, perTokenMs: 1, first, second: 'serves: [m1]', more });
    const request = { model: 'm1', messages: [{ role: 'user', content: 'hello' }], max_tokens: 30 };
    const job = { request, routing: { pin: 'one' } };
    const score = async () => {
      const { targets } = (await (await fetch(`${pair.router.url}/status`)).json()) as {
        targets: { target: string; score: number }[];
      };
      return targets.find(({ target }) => target === 'one')!.score;
    };
    for (let i = 0; i < 12; i++) await pair.run(job);
    expect(await score()).toBeGreaterThan(90);
    await pair.fault({ kind: 'slow-drip', tokensPerSecond: 40 });
    await vi.waitFor(async () => {
      expect(attemptsOf(await pair.run(job))).toEqual([['one', 'success']]);
      expect(await score()).toBeLessThan(50);
    }, 30_000);
    const asked: string[] = [];
    for (let i = 0; i < 10; i++) asked.push(attemptsOf(await pair.run({ request }))[0]![0]);
    expect(asked.filter((target) => target === 'two').length).toBeGreaterThanOrEqual(8);
  }, 60_000);

  test('what never closes after its end is an answer all the same', async () => {
    await start({ wire, first: 'timeoutMs: 5000' });
    await pair.fault({ kind: 'unavailable-after-finish' });
    expect(attemptsOf(await pair.run())).toEqual([['one', 'success']]);
  });

  test('the time to the first token is told, and teaches what is usual', async () => {
    await start({ wire });
    const [attempt] = allAttempts(await pair.run());
    expect(attempt!.firstTokenMs).toBeGreaterThan(0);
    expect(attempt!.firstTokenMs).toBeLessThanOrEqual(attempt!.latencyMs);
    await expect
      .poll(async () => (await pair.router.observations()).map(({ firstTokenMs }) => firstTokenMs))
      .toEqual([expect.any(Number)]);
  });
});
