import { CompletionClient } from '#libs/client';
import { simulatorAdmin, type Stack, startStack, type TestProcess, SLACK_MS } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

// Two routers and one aggregator: what the routers learn together, and how they get on alone. No prober runs.

const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
let providers: [string, string];
let stack: Stack;
let client: CompletionClient;
let runs = 0;

beforeEach(async () => {
  const run = `shared-${process.pid}-${++runs}`;
  providers = [`${run}-sick`, `${run}-well`];
  for (const provider of providers)
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 5 } });
  const [sick, well] = providers;
  stack = await startStack({
    apps: { aggregator: 1, router: 2 },
    config: `
providers:
  ${sick}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${sick}/v1' }
  ${well}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${well}/v1' }
targets:
  - { id: sick, provider: ${sick}, model: m, serves: [sick] }
  - { id: well, provider: ${well}, model: m, serves: [well] }
# What is open stays open through a test, however slowly it goes: no prober runs, so that the time alone would bring a trial.
health: { policy: { staleAfterMs: 3000, openBaseMs: 60000 } }
`,
  });
  client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
});

afterEach(async () => {
  await client?.close();
  await stack?.stop();
});

/** One job that wants the sick target; returns who was asked. */
async function ask(): Promise<string[]> {
  const request = { model: 'sick', messages: [{ role: 'user' as const, content: 'hi' }] };
  const { understudy } = await client.complete(request, { timeoutMs: 15_000 });
  return understudy.attempts.map(({ target }) => target);
}

interface RouterStatus {
  snapshot: { stale: boolean };
  health_source: string;
  targets: { target: string; breaker: string; blocked_until: number | null }[];
}
const statusOf = async ({ url }: TestProcess) => (await (await fetch(`${url}/status`)).json()) as RouterStatus;
const routers = () => [stack.app('router', 0), stack.app('router', 1)];
const sickOfEach = async () =>
  (await Promise.all(routers().map(statusOf))).map(({ targets }) => targets.find(({ target }) => target === 'sick')!);
const breakersOfSick = async () => (await sickOfEach()).map(({ breaker }) => breaker);
const eachIsStale = async (stale: boolean) =>
  vi.waitFor(
    async () => {
      const statuses = await Promise.all(routers().map(statusOf));
      expect(statuses.map(({ snapshot }) => snapshot.stale)).toEqual([stale, stale]);
    },
    { timeout: 15_000, interval: 50 },
  );

describe('two routers', () => {
  test('G48 P3 open one breaker together, and both respect it within a second', async () => {
    await eachIsStale(false);
    // All are under way before the first one fails: a router that has met three failures in a row leaves the target alone for
    // two seconds, so that of jobs that come one after another few would meet it often enough.
    await admin.slow(providers[0], { addMs: 500 });
    await admin.kill(providers[0]);
    const failed = await Promise.all(Array.from({ length: 20 }, ask));
    expect(failed.filter(([first]) => first === 'sick').length).toBeGreaterThanOrEqual(5);
    const learntAt = performance.now();
    await vi.waitFor(async () => expect(await breakersOfSick()).toEqual(['open', 'open']), { interval: 10 });
    expect(performance.now() - learntAt).toBeLessThan(1_000 + SLACK_MS);

    const { total } = await admin.calls({ provider: providers[0] });
    const asked = await Promise.all(Array.from({ length: 30 }, ask));
    expect(asked.filter(([first]) => first === 'sick')).toEqual([]);
    expect((await admin.calls({ provider: providers[0] })).total).toBe(total);
  });

  test('G48 P3 leave a target alone together: after one 429 with Retry-After: 5 nobody calls it for five seconds', async () => {
    await eachIsStale(false);
    // Both have decided by a snapshot in which it is well.
    await Promise.all(Array.from({ length: 20 }, ask));
    await admin.addFault({
      provider: providers[0],
      fault: { kind: 'rate-limit', retryAfterSeconds: 5 },
      forRequests: 1,
    });
    expect(await ask()).toEqual(['sick', 'well']);
    const learntAt = performance.now();
    const { calls, total } = await admin.calls({ provider: providers[0] });
    const refusedAt = calls.find(({ status }) => status === 429)!.at;
    await vi.waitFor(
      async () => expect((await sickOfEach()).every(({ blocked_until }) => blocked_until !== null)).toBe(true),
      { interval: 10 },
    );
    expect(performance.now() - learntAt).toBeLessThan(1_000 + SLACK_MS);
    for (const { blocked_until } of await sickOfEach())
      expect(blocked_until! - refusedAt).toBeLessThan(5_500 + SLACK_MS);

    // The last of these jobs may come when the time is over, so it is the calls that count, by when they came.
    while (Date.now() < refusedAt + 4_500) await Promise.all(Array.from({ length: 10 }, ask));
    const after = (await admin.calls({ provider: providers[0] })).calls.slice(total);
    expect(after.filter(({ at }) => at < refusedAt + 5_000)).toEqual([]);
    // 429s say nothing about its health: it is asked again as soon as the time is over.
    await vi.waitFor(async () => expect(await ask()).toEqual(['sick']), { timeout: 20_000, interval: 50 });
    expect(await breakersOfSick()).toEqual(['closed', 'closed']);
    expect(
      stack
        .app('aggregator')
        .logs()
        .filter(({ event }) => event === 'llm.target.blocked'),
    ).toHaveLength(1);
  }, 60_000);

  test('go on without an aggregator, by what each sees itself, and say that health is stale', async () => {
    await eachIsStale(false);
    // A busy machine may have kept them waiting for health before.
    const told = (event: string) =>
      routers().map((router) => router.logs().filter((line) => line['event'] === event).length);
    const staleBefore = told('llm.health.stale');
    stack.app('aggregator').kill('SIGKILL');
    await stack.app('aggregator').exited;
    await eachIsStale(true);
    for (const router of routers()) {
      expect((await statusOf(router)).health_source).toBe('own-outcomes');
      const metrics = await (await fetch(`${router.url}/metrics`)).text();
      const age = Number(/^ai_health_snapshot_age_seconds (\S+)$/m.exec(metrics)?.[1]);
      expect(age).toBeGreaterThan(3);
    }
    // Told with the next look, which is up to a second later.
    await vi.waitFor(() => expect(told('llm.health.stale')).toEqual(staleBefore.map((count) => count + 1)));
    expect(await ask()).toEqual(['sick']);

    // Many at once, for the same reason as above: each router has to meet five failures in a row by itself.
    await admin.slow(providers[0], { addMs: 500 });
    await admin.kill(providers[0]);
    await vi.waitFor(
      async () => {
        const asked = await Promise.all(Array.from({ length: 40 }, ask));
        expect(asked.filter((targets) => targets.at(-1) !== 'well')).toEqual([]);
        expect(await breakersOfSick()).toEqual(['open', 'open']);
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(await ask()).toEqual(['well']);

    const freshBefore = told('llm.health.fresh');
    await stack.add('aggregator');
    await eachIsStale(false);
    await vi.waitFor(() => expect(told('llm.health.fresh')).toEqual(freshBefore.map((count) => count + 1)));
  }, 60_000);
});
