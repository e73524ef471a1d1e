import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompletionClient } from '#libs/client';
import { type Attempt, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { redisGate, simulatorAdmin, startProcess, type TestProcess, uniquePrefix, SLACK_MS } from '#libs/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

/** Real routers that are killed, frozen, cut off from Redis, stopped, or live in another time. */
const redisUrl = process.env.REDIS_URL!;
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const HELLO = { model: 'm1', messages: [{ role: 'user' as const, content: 'hello' }] };
const TAKEOVER_MS = 4_000;

let folder: string;
let first: string;
let second: string;
let prefix: string;
let client: CompletionClient;
const routers: TestProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-crash-'));
  await writeFile(
    join(folder, 'skew.mjs'),
    'const real = Date.now; Date.now = () => real() + Number(process.env.CLOCK_SKEW_MS);',
  );
});
afterAll(async () => {
  await closeRedis(redis);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  prefix = uniquePrefix();
  const run = prefix.replace(/\W/g, '');
  [first, second] = [`first-${run}`, `second-${run}`];
  await admin.createProvider(first, { models: { m1: {} }, latency: { kind: 'fixed', ms: 5 } });
  await admin.createProvider(second, { models: { m2: {} }, latency: { kind: 'fixed', ms: 5 } });
  client = new CompletionClient({ redisUrl, prefix });
});
afterEach(async () => {
  await client.close();
  await Promise.all(routers.splice(0).map((router) => (router.kill('SIGCONT'), router.stop(8_000))));
});

async function startRouter(env: Record<string, string> = {}): Promise<TestProcess> {
  const configFile = join(folder, `${first}.yaml`);
  await writeFile(
    configFile,
    `
providers:
  ${first}: { kind: openai-compatible, baseUrl: '${admin.url}/${first}/v1' }
  ${second}: { kind: openai-compatible, baseUrl: '${admin.url}/${second}/v1' }
targets:
  - { id: one, provider: ${first}, model: m1, timeoutMs: 60000, firstTokenTimeoutMs: 60000 }
  - { id: two, provider: ${second}, model: m2, timeoutMs: 60000, firstTokenTimeoutMs: 60000 }
jobs: { takeoverMs: ${TAKEOVER_MS} }
`,
  );
  const router = await startProcess({
    name: `router-${routers.length}`,
    entry: 'apps/router/src/main.js',
    env: {
      REDIS_URL: redisUrl,
      UNDERSTUDY_PREFIX: prefix,
      UNDERSTUDY_CONFIG: configFile,
      SHUTDOWN_DEADLINE_MS: '5000',
      ...env,
    },
  });
  routers.push(router);
  return router;
}

const inAnotherTime = (skewMs: number) =>
  startRouter({ NODE_OPTIONS: `--import=${join(folder, 'skew.mjs')}`, CLOCK_SKEW_MS: String(skewMs) });
const callsTo = async (provider: string) => (await admin.calls({ provider })).calls.toSorted((a, b) => a.at - b.at);
const called = (provider: string, times: number) =>
  vi.waitFor(async () => expect(await callsTo(provider)).toHaveLength(times));
const answerTo = async (id: string) => {
  const answer = await client.result(id, { waitMs: 30_000 });
  if (!answer) throw new Error(`job ${id} has no answer`);
  return answer;
};
const told = (attempts: readonly Attempt[]) => attempts.map(({ number, target, outcome }) => [number, target, outcome]);
const discardedBy = async ({ url }: TestProcess): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^ai_results_discarded_total\{[^}]*\} (\d+)/gm)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
};

describe('P1 a job survives a router that is killed', () => {
  test('during a call: another takes it over in time, and the call is told as lost', async () => {
    await admin.addFault({ provider: first, fault: { kind: 'slow', addMs: 60_000 }, forRequests: 1 });
    const dying = await startRouter();
    const id = await client.enqueue(HELLO);
    await called(first, 1);
    await startRouter();
    const killedAt = Date.now();
    dying.kill('SIGKILL');
    expect(told((await answerTo(id)).understudy.attempts)).toEqual([
      [1, 'one', 'lost'],
      [2, 'one', 'success'],
    ]);
    const [, again] = await callsTo(first);
    expect(again!.at - killedAt).toBeLessThan(TAKEOVER_MS + SLACK_MS);
  }, 60_000);

  test('with many jobs in hand and many waiting: each has its one result', async () => {
    await admin.createProvider(first, { models: { m1: {} }, latency: { kind: 'uniform', minMs: 400, maxMs: 1_600 } });
    const dying = await startRouter({ ROUTER_CONCURRENCY: '20' });
    await startRouter({ ROUTER_CONCURRENCY: '10' });
    const ids = await Promise.all(Array.from({ length: 100 }, () => client.enqueue(HELLO)));
    await vi.waitFor(async () => expect((await callsTo(first)).length).toBeGreaterThan(30));
    dying.kill('SIGKILL');
    const answers = await Promise.all(ids.map((id) => answerTo(id)));
    expect(answers.map(({ understudy }) => understudy.jobId)).toEqual(ids);
    const lost = answers.flatMap(({ understudy }) => understudy.attempts.filter(({ outcome }) => outcome === 'lost'));
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThanOrEqual(20);
    // No call is untold: one that was written down may not have left any more, but none leaves before that.
    expect((await callsTo(first)).length).toBeLessThanOrEqual(100 + lost.length);
  }, 60_000);

  test('after a failed attempt, during the next: what was tried is known', async () => {
    await admin.addFault({ provider: first, fault: { kind: 'down' }, forRequests: 1 });
    await admin.addFault({ provider: second, fault: { kind: 'slow', addMs: 60_000 }, forRequests: 1 });
    const dying = await startRouter();
    const id = await client.enqueue(HELLO);
    await called(second, 1);
    dying.kill('SIGKILL');
    await startRouter();
    expect(told((await answerTo(id)).understudy.attempts)).toEqual([
      [1, 'one', 'overloaded'],
      [2, 'two', 'lost'],
      [3, 'one', 'success'],
    ]);
  }, 60_000);

  test('while the job is parked: it goes on, and no call is lost', async () => {
    await Promise.all([admin.kill(first), admin.kill(second)]);
    const dying = await startRouter();
    const id = await client.enqueue(HELLO);
    const delayed = redisKeys(prefix).bull('completion', 'delayed');
    // For a while yet: it must not be under way again when its router is killed.
    const dueIn = async () => Number(await redis.zscore(delayed, id)) / 0x1000 - Date.now();
    await vi.waitFor(async () => expect(await dueIn()).toBeGreaterThan(200), { interval: 5 });
    dying.kill('SIGKILL');
    await startRouter();
    await admin.revive(first);
    const attempts = told((await answerTo(id)).understudy.attempts);
    expect(attempts.slice(0, 2)).toEqual([
      [1, 'one', 'overloaded'],
      [2, 'two', 'overloaded'],
    ]);
    expect(attempts.at(-1)).toEqual([attempts.length, 'one', 'success']);
    expect(attempts.map(([, , outcome]) => outcome)).not.toContain('lost');
  }, 60_000);

  test('while it commits: there is one result, of the router that took over', async () => {
    const gate = await redisGate(redisUrl);
    await admin.addFault({ provider: first, fault: { kind: 'slow', addMs: 3_000 }, forRequests: 1 });
    const dying = await startRouter({ REDIS_URL: gate.url });
    const id = await client.enqueue(HELLO);
    await called(first, 1);
    await gate.shut();
    await startRouter();
    // The answer has come, and its commit waits for Redis.
    await vi.waitFor(async () => expect((await callsTo(first))[0]?.status).toBe(200));
    dying.kill('SIGKILL');
    expect(told((await answerTo(id)).understudy.attempts)).toEqual([
      [1, 'one', 'lost'],
      [2, 'one', 'success'],
    ]);
  }, 60_000);
});

describe('P6 exactly one result', () => {
  test('a router that was frozen while another did its job has its answer discarded and counted', async () => {
    await admin.addFault({ provider: first, fault: { kind: 'slow', addMs: 3_000 }, forRequests: 1 });
    const frozen = await startRouter();
    const id = await client.enqueue(HELLO);
    await called(first, 1);
    frozen.kill('SIGSTOP');
    await startRouter();
    const answer = await answerTo(id);
    expect(told(answer.understudy.attempts)).toEqual([
      [1, 'one', 'lost'],
      [2, 'one', 'success'],
    ]);
    frozen.kill('SIGCONT');
    await vi.waitFor(async () => expect(await discardedBy(frozen)).toBe(1));
    expect(await answerTo(id)).toEqual(answer);
  }, 60_000);
});

describe('P9 a router that is stopped', () => {
  test('under load fails no job: short calls end, long ones go to another router', async () => {
    await admin.createProvider(first, { models: { m1: {} }, latency: { kind: 'uniform', minMs: 50, maxMs: 600 } });
    await admin.addFault({ provider: first, fault: { kind: 'slow', addMs: 6_000 }, onRequests: [20, 24] });
    const leaving = await startRouter({ ROUTER_CONCURRENCY: '20' });
    const ids = await Promise.all(Array.from({ length: 120 }, () => client.enqueue(HELLO)));
    await vi.waitFor(async () => expect((await callsTo(first)).length).toBeGreaterThan(30));
    await startRouter({ ROUTER_CONCURRENCY: '20' });
    const exit = await leaving.stop(20_000);
    expect(exit).toMatchObject({ code: 0 });
    const answers = await Promise.all(ids.map((id) => answerTo(id)));
    expect(answers.map(({ understudy }) => understudy.jobId)).toEqual(ids);
    const outcomes = answers.flatMap(({ understudy }) => understudy.attempts.map(({ outcome }) => outcome));
    expect(outcomes).not.toContain('lost');
    expect(outcomes.filter((outcome) => outcome === 'success')).toHaveLength(120);
  }, 60_000);
});

describe('clocks that are 30 s apart', () => {
  test('a job that is within its deadline is answered by a router whose clock is ahead', async () => {
    await inAnotherTime(30_000);
    const answer = await client.complete(HELLO, { deadlineMs: 10_000, timeoutMs: 20_000 });
    const { queueMs, totalMs } = answer.understudy;
    expect(totalMs).toBeLessThan(10_000);
    expect(queueMs).toBeLessThanOrEqual(totalMs);
  }, 60_000);

  test('P7 a job past its deadline makes no call at a router whose clock is behind', async () => {
    const id = await client.enqueue(HELLO, { deadlineMs: 100 });
    await inAnotherTime(-30_000);
    await expect(client.result(id, { waitMs: 20_000 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
      attempts: [],
    });
    expect(await callsTo(first)).toEqual([]);
  }, 60_000);

  test('a job that waits does not go round between routers whose clocks disagree', async () => {
    await Promise.all([admin.kill(first), admin.kill(second)]);
    const id = await client.enqueue(HELLO, { deadlineMs: 8_000 });
    await Promise.all([startRouter(), inAnotherTime(30_000), inAnotherTime(-30_000)]);
    const error = await client.result(id, { waitMs: 60_000 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'deadline_exceeded' });
    const runs = Number(await redis.hget(redisKeys(prefix).bull('completion', id), 'ats'));
    expect(runs).toBeLessThan(40);
  }, 90_000);
});
