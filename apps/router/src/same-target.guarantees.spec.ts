import { AttemptAbort } from '#libs/providers';
import { ClockOnDemand } from '#libs/redis';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DecisionService } from './decision.service.js';
import { allAttempts, attemptsOf, type Pair, type PairOptions, startPair, WIRES } from './guarantees.fixture.js';
import { RouteService } from './route.service.js';

/** When the target that failed is asked once more, through a whole router, real Redis and the simulator. */
const URLS = { redisUrl: process.env.REDIS_URL!, simulatorUrl: process.env.SIMULATOR_URL! };
let pair: Pair;
const start = async (options: PairOptions = {}) => (pair = await startPair(URLS, options));
afterEach(() => pair?.stop());

const DROPPED = { kind: 'reset', at: 'before-headers' } as const;
const STUMBLED = { kind: 'status', status: 500 } as const;

describe.each(WIRES)('with $kind, streaming $streaming', (wire) => {
  test('G38 a connection that is dropped once: the same target answers, and both calls count', async () => {
    await start({ wire });
    await pair.fault(DROPPED, { forRequests: 1 });
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'connection'],
      ['one', 'success'],
    ]);
    await expect.poll(() => pair.countedForFirst()).toEqual(['connection', 'success']);
  });

  test('G06 one 500, and nobody else is there: the same target answers after a short pause, in the same pass', async () => {
    await start({ wire, second: null });
    await pair.fault(STUMBLED, { forRequests: 1 });
    const [first, second] = allAttempts(await pair.run());
    expect([first?.outcome, second?.outcome]).toEqual(['server_error', 'success']);
    const pauseMs = second!.startedAt - first!.startedAt - first!.latencyMs;
    expect(pauseMs).toBeGreaterThanOrEqual(99);
    expect(pair.router.logs.filter(({ event }) => event === 'llm.job.parked')).toEqual([]);
  });

  test('a 500 while another target is well: it answers at once', async () => {
    await start({ wire });
    await pair.fault(STUMBLED);
    expect(attemptsOf(await pair.run())).toEqual([
      ['one', 'server_error'],
      ['two', 'success'],
    ]);
  });
});

test.each([
  ['a stumble', STUMBLED, 'server_error'],
  ['a dropped connection', DROPPED, 'connection'],
] as const)('G40 after %s that takes the target out: no further call goes there', async (_what, fault, outcome) => {
  await start({ second: null, more: 'health: { policy: { overlayFailures: 1, overlaySkipMs: 60000 } }' });
  await pair.fault(fault);
  expect(attemptsOf(await pair.run({ deadlineMs: 3_000 }))).toEqual([['one', outcome]]);
  expect(await pair.callsToFirst()).toHaveLength(1);
});

test.each(['maxAttempts: 1', 'maxAttemptsPerPass: 1'])(
  'with %s the second call is not made in this pass',
  async (limit) => {
    await start({ more: `jobs: { ${limit} }` });
    await pair.fault(DROPPED, { forRequests: 1 });
    await pair.run();
    expect(pair.router.logs.filter(({ event }) => event === 'llm.failover')).toEqual([]);
    const [first, second] = await pair.callsToFirst();
    if (second) expect(second.at - first!.at).toBeGreaterThan(300);
  },
);

test('a second call at the end of its time is not waited for: the job fails by its own deadline', async () => {
  await start({ second: null });
  await pair.fault(STUMBLED);
  const outcome = await pair.run({ deadlineMs: 90 });
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded' } });
  expect(allAttempts(outcome).length).toBeLessThanOrEqual(1);
});

test('a second call to the same target is no failover', async () => {
  await start();
  await pair.fault(DROPPED, { forRequests: 1 });
  await pair.run();
  expect(pair.router.logs.filter(({ event }) => event === 'llm.failover')).toEqual([]);
});

test.each([
  ['shutdown', 'shutdown'],
  ['caller', 'cancelled'],
] as const)(
  'a pause that is ended by the %s ends the work on the job, and no second call is made',
  async (kind, by) => {
    await start({ second: null });
    await pair.fault(STUMBLED);
    const { app } = pair.router.service;
    const decisions = app.get(DecisionService);
    const decide = decisions.decide.bind(decisions);
    // As for a job that comes through the queue.
    await app.get(ClockOnDemand).now();
    const controller = new AbortController();
    vi.spyOn(decisions, 'decide').mockImplementation((...question) => {
      const decided = decide(...question);
      if (decided.decision.pauseMs !== undefined) controller.abort(new AttemptAbort(kind));
      return decided;
    });
    const end = await app.get(RouteService).run({
      jobId: 'j',
      job: { request: { model: 'm1', messages: [{ role: 'user', content: 'hello' }] } },
      route: { model: 'm1', primary: ['one'], standIns: [], fallbacks: [], preferred: undefined, pin: undefined },
      deadlineAt: Date.now() + 60_000,
      earlier: [],
      replayedAfter: 0,
      parkings: 0,
      signal: controller.signal,
      listener: { starting: () => undefined },
    });
    expect(end).toMatchObject({ kind: 'interrupted', by, attempts: [{ outcome: 'server_error' }] });
    expect(await pair.callsToFirst()).toHaveLength(1);
  },
);
