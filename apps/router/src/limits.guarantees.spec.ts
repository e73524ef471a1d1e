import type { CompletionJob, JobOutcome } from '#libs/contracts';
import { simulatorAdmin, type SimulatorCall, uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { allAttempts } from './guarantees.fixture.js';
import { startRouter, type RunningRouter } from './router.fixture.js';

// Two whole routers in front of one simulated provider, with a minute that lasts two seconds.

const WINDOW_MS = 2_000;
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const REQUEST: CompletionJob['request'] = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
let provider: string;
let routers: RunningRouter[];

beforeEach(() => {
  provider = `limited-${uniquePrefix().replace(/\W/g, '')}`;
  routers = [];
});
afterEach(async () => {
  await Promise.all(routers.map((router) => router.stop()));
  await admin.removeProvider(provider);
});

interface LimitedOptions {
  latencyMs?: number;
  limits: string;
  more?: string;
  windowMs?: number;
}

async function startBoth({ latencyMs = 1, limits, more = '', windowMs = WINDOW_MS }: LimitedOptions) {
  await admin.createProvider(provider, { models: { m: {}, n: {} }, latency: { kind: 'fixed', ms: latencyMs } });
  const config = `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '${admin.url}/${provider}/v1' } }
targets:
  - { id: one, provider: ${provider}, model: m, limits: ${limits} }
${more}
`;
  const prefix = uniquePrefix();
  const options = { prefix, concurrency: 20, limitWindowMs: windowMs };
  routers = [
    await startRouter(process.env.REDIS_URL!, config, options),
    await startRouter(process.env.REDIS_URL!, config, options),
  ];
}

/** So many jobs at once; both routers take from the same queue. */
const runAll = (count: number, change: Partial<CompletionJob['request']> = {}): Promise<JobOutcome[]> =>
  Promise.all(
    Array.from({ length: count }, (_, i) => routers[i % 2]!.run({ request: { ...REQUEST, ...change } }, 45_000)),
  );

const callsTo = async (model: string): Promise<SimulatorCall[]> =>
  (await admin.calls({ provider, model })).calls.toSorted((a, b) => a.at - b.at);

/** The most that `weigh` gives for the calls that begin within any window. */
const mostWithin = <T extends { at: number }>(calls: readonly T[], weigh: (call: T) => number): number =>
  Math.max(
    ...calls.map(({ at }) =>
      calls.reduce((sum, call) => sum + (call.at >= at && call.at - at <= WINDOW_MS ? weigh(call) : 0), 0),
    ),
  );

/** Answered, with one call each: nobody was refused, and nobody burned an attempt on the limit. */
function expectAllAnswered(outcomes: readonly JobOutcome[]): void {
  expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'completed'));
  expect(outcomes.map((outcome) => allAttempts(outcome).map((attempt) => attempt.outcome))).toEqual(
    outcomes.map(() => ['success']),
  );
}

/** The limits by which routers were kept from asking, by their metrics. */
async function heldBackBy(): Promise<string[]> {
  const texts = await Promise.all(routers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  const counts = texts.flatMap((text) => [
    ...text.matchAll(/^ai_target_limit_waits_total\{model="m",kind="(\w+)"\} (\d+)/gm),
  ]);
  const kinds = new Set(counts.filter(([, , count]) => Number(count) > 0).map(([, kind]) => kind!));
  // Of a busy machine, on which an answer of Redis may take too long.
  kinds.delete('unreachable');
  return [...kinds];
}

describe('G53: over a limit that two routers share', () => {
  test('no more calls per minute reach the provider than it allows, and every job is answered', async () => {
    await startBoth({ limits: '{ requestsPerMinute: 6 }' });
    expectAllAnswered(await runAll(20));
    const calls = await callsTo('m');
    expect(calls).toHaveLength(20);
    expect(mostWithin(calls, () => 1)).toBeLessThanOrEqual(6);
    expect(await heldBackBy()).toEqual(['requests']);
  }, 60_000);

  test('no more tokens per minute are used at the provider than it allows, and every job is answered', async () => {
    await startBoth({ limits: '{ tokensPerMinute: 100 }' });
    const outcomes = await runAll(12, { max_tokens: 20 });
    expectAllAnswered(outcomes);
    const used = outcomes.map((outcome) => {
      const { usage } = (outcome as Extract<JobOutcome, { status: 'completed' }>).result.understudy;
      return { at: allAttempts(outcome)[0]!.startedAt, tokens: usage!.inputTokens + usage!.outputTokens };
    });
    expect(used.every(({ tokens }) => tokens > 0)).toBe(true);
    expect(mostWithin(used, ({ tokens }) => tokens)).toBeLessThanOrEqual(100);
  }, 60_000);

  test('no more calls are under way at once than the provider allows, and every job is answered', async () => {
    await startBoth({ latencyMs: 100, limits: '{ maxInFlight: 3 }' });
    expectAllAnswered(await runAll(20));
    const calls = await callsTo('m');
    const underWayAt = (at: number) =>
      calls.filter((call) => call.at <= at && at < call.at + (call.latencyMs ?? Infinity)).length;
    expect(Math.max(...calls.map(({ at }) => underWayAt(at)))).toBeLessThanOrEqual(3);
    expect(await heldBackBy()).toEqual(['in_flight']);
  }, 60_000);

  test('a job goes elsewhere when somebody else can answer, at once and without a failed attempt', async () => {
    await startBoth({
      limits: '{ requestsPerMinute: 2 }',
      // All ten jobs are in one window.
      windowMs: 60_000,
      more: `  - { id: two, provider: ${provider}, model: n, weight: 0.001, serves: [m] }`,
    });
    const outcomes = await runAll(10);
    expectAllAnswered(outcomes);
    expect(await callsTo('n')).toHaveLength(8);
    expect(routers.flatMap(({ logs }) => logs).filter(({ event }) => event === 'llm.job.parked')).toEqual([]);
    expect(routers.flatMap(({ logs }) => logs).filter(({ event }) => event === 'llm.failover')).toEqual([]);
  }, 60_000);

  test('a job that needs more than the whole limit is let through alone', async () => {
    await startBoth({ limits: '{ tokensPerMinute: 50 }' });
    expectAllAnswered(await runAll(2, { max_tokens: 500 }));
    const [first, second] = await callsTo('m');
    // The first one really used little: what it did not use was given back.
    expect(second!.at).toBeGreaterThanOrEqual(first!.at);
  }, 60_000);

  test('nobody is penalised: the target keeps its score, and nothing is reported as a failure', async () => {
    await startBoth({ limits: '{ requestsPerMinute: 2 }' });
    await runAll(5);
    await vi.waitFor(async () => {
      const observed = await routers[0]!.observations();
      expect(observed.map(({ outcome }) => outcome)).toEqual(Array(5).fill('success'));
    });
  }, 60_000);
});
