import { type CompletionJob, redisKeys, UnderstudyError } from '#libs/contracts';
import { CompletionQueue, DeadLetters, ResultStore } from '#libs/queue';
import { closeRedis, connectRedis } from '#libs/redis';
import { simulatorAdmin, SLACK_MS } from '#libs/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { allAttempts, attemptsOf, type Pair, startPair } from './guarantees.fixture.js';

const redisUrl = process.env.REDIS_URL!;
const urls = { redisUrl, simulatorUrl: process.env.SIMULATOR_URL! };
const JOB: CompletionJob = { request: { model: 'm1', messages: [{ role: 'user', content: 'hello' }] } };

let pair: Pair;
let queue: CompletionQueue;
let results: ResultStore;
let raw: Queue;
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });

beforeEach(async () => {
  // The router of the fixture has one job in hand at a time.
  pair = await startPair(urls, { first: 'timeoutMs: 20000, firstTokenTimeoutMs: 20000' });
  const location = { redisUrl, prefix: pair.router.prefix };
  queue = new CompletionQueue(location);
  results = new ResultStore({ ...location, ttlMs: 60_000 });
  raw = new Queue('completion', { connection: redis, prefix: location.prefix });
});
afterEach(async () => {
  await Promise.all([queue.close(), results.close(), raw.close()]);
  await pair.stop();
});

afterAll(() => closeRedis(redis));

const key = (jobId: string) => redisKeys(pair.router.prefix).bull('completion', jobId);
const outcomeOf = async (jobId: string) => {
  const outcome = await pair.router.replies.waitFor(jobId, { timeoutMs: 30_000 });
  if (!outcome) throw new Error(`job ${jobId} has no outcome`);
  return outcome;
};
const replyTo = () => pair.router.replies.address;
const metric = async (series: string) => {
  const text = await (await fetch(`${pair.router.url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')[1],
  );
};
const discarded = (reason: string) => metric(`ai_results_discarded_total{reason="${reason}"}`);
const underWay = (calls: number) => vi.waitFor(async () => expect(await pair.callsToFirst()).toHaveLength(calls));
/** Puts a job into the queue as an earlier run has left it. */
async function leftBehind(fields: Record<string, string | number>, job = JOB): Promise<string> {
  const { id } = await raw.add('completion', { ...job, replyTo: replyTo() }, { delay: 1_000 });
  await redis.hset(key(id as string), fields);
  return id as string;
}
const standing = new UnderstudyError('all_targets_failed', 'by an earlier run').toJSON();

describe('a cancelled job', () => {
  test('G32 that is being worked on has its call aborted within a second; nobody is penalised, and its slot serves another', async () => {
    await pair.fault({ kind: 'down', mode: 'hang' }, { forRequests: 1 });
    const id = await queue.add({ ...JOB, replyTo: replyTo() });
    await underWay(1);
    const cancelledAt = Date.now();
    expect(await queue.cancel(id)).toBe('cancelled');
    expect(await outcomeOf(id)).toMatchObject({ status: 'failed', error: { code: 'cancelled', jobId: id } });
    expect(attemptsOf(await outcomeOf(id))).toEqual([['one', 'cancelled']]);
    await vi.waitFor(async () => expect((await pair.callsToFirst())[0]).toMatchObject({ aborted: true }));
    const [call] = await pair.callsToFirst();
    expect(call!.at + call!.latencyMs! - cancelledAt).toBeLessThan(1_000 + SLACK_MS);

    expect(attemptsOf(await pair.run())).toEqual([['one', 'success']]);
    await vi.waitFor(async () => expect(await pair.countedForFirst()).toEqual(['cancelled', 'success']));
    expect(await queue.standing(id)).toBe('missing');
    expect(await queue.counts()).toMatchObject({ failed: 0, active: 0 });
    expect(await metric('ai_jobs_total{outcome="cancelled"}')).toBe(1);
    for (const reason of ['duplicate', 'superseded', 'cancelled']) expect(await discarded(reason)).toBe(0);
  });

  test('is found by a router that missed the message', async () => {
    await pair.fault({ kind: 'down', mode: 'hang' }, { forRequests: 1 });
    const id = await queue.add({ ...JOB, replyTo: replyTo() });
    await underWay(1);
    await results.commit(id, { status: 'failed', error: { ...standing, code: 'cancelled' } });
    const noted = Date.now();
    await redis.zadd(redisKeys(pair.router.prefix).cancelled, noted, id);
    await vi.waitFor(async () => expect((await pair.callsToFirst())[0]).toMatchObject({ aborted: true }));
    const [call] = await pair.callsToFirst();
    // Looked for each half second.
    expect(call!.at + call!.latencyMs! - noted).toBeLessThan(500 + SLACK_MS);
  });

  test('that is parked leaves the queue, and those that wait with it are answered', async () => {
    await pair.fault({ kind: 'down' });
    await pair.faultOfSecond({ kind: 'down' });
    const [gone, stays] = [await queue.add({ ...JOB, replyTo: replyTo() }), await queue.add(JOB)];
    await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ delayed: 2, active: 0 }));
    expect(await queue.cancel(gone)).toBe('cancelled');
    const outcome = await outcomeOf(gone);
    expect(outcome).toMatchObject({ error: { code: 'cancelled' } });
    expect(attemptsOf(outcome).slice(0, 2)).toEqual([
      ['one', 'overloaded'],
      ['two', 'overloaded'],
    ]);
    expect(await queue.standing(gone)).toBe('missing');
    await pair.revive();
    expect((await outcomeOf(stays)).status).toBe('completed');
  });

  test('by a rumour alone goes on', async () => {
    await pair.fault({ kind: 'down', mode: 'hang' }, { forRequests: 1 });
    const id = await queue.add({ ...JOB, replyTo: replyTo() });
    await underWay(1);
    await redis.publish(redisKeys(pair.router.prefix).cancel, id);
    expect(attemptsOf(await outcomeOf(id))).toEqual([
      ['one', 'cancelled'],
      ['one', 'success'],
    ]);
  });
});

describe('exactly one result', () => {
  test.each([
    ['taken up again', { ats: 1 }, JOB],
    ['added twice under one key', { ats: 0 }, { ...JOB, idempotencyKey: 'order-1' }],
  ])('a job with a result that is %s makes no call, and ends as its result says', async (_what, fields, job) => {
    const id = await leftBehind(fields, job);
    await results.commit(id, { status: 'failed', error: standing });
    await expect.poll(() => queue.standing(id)).toEqual({ failedReason: 'all_targets_failed: by an earlier run' });
    expect(await pair.callsToFirst()).toEqual([]);
    expect(await results.get(id)).toMatchObject({ error: { message: 'by an earlier run' } });
  });

  test('a run that was overtaken may not commit: its answer is discarded and counted, and the later run decides', async () => {
    await pair.fault({ kind: 'slow', addMs: 2_000 }, { forRequests: 1 });
    const id = await queue.add({ ...JOB, replyTo: replyTo() });
    await underWay(1);
    await redis.hset(key(id), 'ats', 2);
    await vi.waitFor(async () => expect(await discarded('superseded')).toBe(1));
    expect(await results.get(id)).toBeNull();
    expect(pair.router.logs).toContainEqual(
      expect.objectContaining({ event: 'llm.job.result_discarded', job_id: id, reason: 'superseded', run: 1 }),
    );
    expect(await metric('ai_jobs_total{outcome="primary"}')).toBe(0);
  });

  test('an answer that comes after another result is discarded and counted', async () => {
    await pair.fault({ kind: 'slow', addMs: 2_000 }, { forRequests: 1 });
    const id = await queue.add({ ...JOB, replyTo: replyTo() });
    await underWay(1);
    await results.commit(id, { status: 'failed', error: standing });
    await vi.waitFor(async () => expect(await discarded('duplicate')).toBe(1));
    expect(await results.get(id)).toMatchObject({ error: { message: 'by an earlier run' } });
    // As its result says.
    await expect.poll(() => queue.standing(id)).toMatchObject({ failedReason: expect.any(String) });
  });
});

describe('what an earlier run has left', () => {
  test('P11 a call that was under way when its router vanished is an attempt that is lost, and nobody is blamed', async () => {
    const inFlight = { number: 2, target: 'one', startedAt: Date.now() };
    const first = { number: 1, target: 'two', outcome: 'overloaded', startedAt: Date.now(), latencyMs: 3 };
    const progress = { attempts: [first], parkings: 0, firstStartedAt: Date.now(), inFlight };
    const id = await leftBehind({ ats: 1, progress: JSON.stringify(progress) });
    const outcome = await outcomeOf(id);
    expect(allAttempts(outcome)).toMatchObject([
      first,
      { number: 2, target: 'one', outcome: 'lost' },
      { number: 3, target: 'one', outcome: 'success' },
    ]);
    await vi.waitFor(async () => expect(await pair.countedForFirst()).toEqual(['success']));
  });

  test('a job that has outlived too many routers is given up with a result, and not without a word', async () => {
    const inFlight = { number: 1, target: 'one', startedAt: Date.now() };
    const progress = JSON.stringify({ attempts: [], parkings: 0, firstStartedAt: Date.now(), inFlight });
    const id = await leftBehind({ ats: 21, progress, defa: 'job stalled more than allowable limit' });
    const outcome = await outcomeOf(id);
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'internal_error', jobId: id } });
    expect(attemptsOf(outcome)).toEqual([['one', 'lost']]);
    expect(await pair.callsToFirst()).toEqual([]);
    await expect.poll(() => queue.standing(id)).toMatchObject({ failedReason: expect.any(String) });
  });

  test('the call under way stands with the job before the provider has answered', async () => {
    await pair.fault({ kind: 'slow', addMs: 2_000 }, { forRequests: 1 });
    const id = await queue.add(JOB);
    await underWay(1);
    const progress = JSON.parse((await redis.hget(key(id), 'progress')) ?? 'null') as unknown;
    expect(progress).toMatchObject({ attempts: [], inFlight: { number: 1, target: 'one' } });
    await outcomeOf(id);
  });
});

describe('a job that is replayed', () => {
  test('P10 is tried anew by everybody, and its result tells the attempts of both lives', async () => {
    const fault = await pair.fault({ kind: 'status', status: 400, type: 'invalid_request_error', message: 'no' });
    const id = await queue.add({ ...JOB, replyTo: replyTo() });
    expect(await outcomeOf(id)).toMatchObject({ error: { code: 'request_rejected' } });
    await expect.poll(() => queue.standing(id)).toMatchObject({ failedReason: expect.any(String) });
    await simulatorAdmin(urls.simulatorUrl).removeFault(fault.id);
    const letters = new DeadLetters({ redisUrl, prefix: pair.router.prefix });
    await letters.replay(id);
    await letters.close();
    expect(attemptsOf(await outcomeOf(id))).toEqual([
      ['one', 'bad_request'],
      ['one', 'success'],
    ]);
  });
});

describe('deadlines', () => {
  test('P7 a job past its deadline makes no provider call', async () => {
    const id = await queue.add({ ...JOB, replyTo: replyTo(), deadlineMs: 200 }, { delayMs: 500 });
    expect(await outcomeOf(id)).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded', attempts: [] } });
    expect([...(await pair.callsToFirst()), ...(await pair.callsToSecond())]).toEqual([]);
  });

  test('a job that was stamped by a clock ahead of ours still has its deadline, and no longer', async () => {
    await pair.fault({ kind: 'down' });
    await pair.faultOfSecond({ kind: 'down' });
    const timestamp = Date.now() + 30_000;
    const { id } = await raw.add('completion', { ...JOB, replyTo: replyTo(), deadlineMs: 6_000 }, { timestamp });
    const outcome = await pair.router.replies.waitFor(id!, { timeoutMs: 1_000 });
    expect(outcome).toBeNull();
    await pair.revive();
    expect((await outcomeOf(id!)).status).toBe('completed');
  });
});
