import { execFile } from 'node:child_process';
import { type CompletionJob, UnderstudyError } from '#libs/contracts';
import { DEFAULT_POLICY, initialTargetState, viewTarget } from '#libs/health-core';
import { BullServer, CompletionQueue, type BullContext, RejectedJobError, ResultStore } from '#libs/queue';
import { SnapshotStore } from '#libs/store';
import { uniquePrefix } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from './run-cli.js';

/** The command over a real Redis: `typed` in a process of its own, `understudy` in this one, which is much faster. */
const redisUrl = process.env.REDIS_URL!;
const prefix = uniquePrefix();
const location = { redisUrl, prefix };
const request = (model: string): CompletionJob['request'] => ({
  model,
  messages: [{ role: 'user', content: 'secret prompt' }],
});

interface Said {
  code: number;
  out: string;
  err: string;
}

function typed(words: string): Promise<Said> {
  const env = { PATH: process.env.PATH, REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix };
  return new Promise((resolve) => {
    execFile(process.execPath, ['bin/understudy.mjs', ...words.split(' ')], { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

async function understudy(words: string, url = redisUrl): Promise<Said> {
  vi.stubEnv('REDIS_URL', url);
  vi.stubEnv('UNDERSTUDY_PREFIX', prefix);
  const said = { out: '', err: '' };
  const code = await runCli(words.split(' ').filter(Boolean), {
    out: (text) => (said.out += `${text}\n`),
    err: (text) => (said.err += `${text}\n`),
  });
  vi.unstubAllEnvs();
  return { code, ...said };
}
const json = async (words: string) => JSON.parse((await understudy(`${words} --json`)).out) as Record<string, unknown>;

let queue: CompletionQueue;
let results: ResultStore;
let server: BullServer;
/** Jobs of these models are answered, all others fail. */
const mended = new Set<string>();

beforeAll(() => {
  queue = new CompletionQueue(location);
  results = new ResultStore({ ...location, ttlMs: 60_000 });
  server = new BullServer({ ...location, onError: () => undefined });
  server.addHandler('completion', (async (payload: CompletionJob, { job, jobId, attemptsStarted }: BullContext) => {
    const { model } = payload.request;
    const attempts = [
      {
        number: 1,
        target: 'a/m',
        outcome: 'overloaded' as const,
        httpStatus: 529,
        message: 'busy',
        startedAt: 1_000,
        latencyMs: 12,
      },
    ];
    if (mended.has(model)) {
      const answered = [
        ...attempts,
        { number: 2, target: 'b/m', outcome: 'success' as const, startedAt: 2_000, latencyMs: 30, costUsd: 0.0012 },
      ];
      const understudy = { jobId, target: 'b/m', attempts: answered, queueMs: 5, totalMs: 50, requestedModel: model };
      const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'the answer' } }];
      await results.commit(
        jobId,
        { status: 'completed', result: { id: 'x', model, choices, understudy } },
        '',
        attemptsStarted,
      );
      return;
    }
    await job.updateProgress({ attempts, parkings: 0, firstStartedAt: 1_000 });
    const error = new UnderstudyError('all_targets_failed', 'All targets failed', { jobId, attempts });
    await results.commit(jobId, { status: 'failed', error: error.toJSON() }, '', attemptsStarted);
    throw new RejectedJobError(`all_targets_failed: All targets failed`);
  }) as never);
  server.listen(() => undefined);
});
afterAll(async () => {
  await Promise.all([server.close(), queue.close(), results.close()]);
});

async function failedJob(model: string, tenant?: string): Promise<string> {
  const id = await queue.add({ request: request(model), tenant });
  await expect.poll(() => queue.standing(id)).toMatchObject({ failedReason: expect.any(String) as string });
  return id;
}

describe('understudy dead-letters', () => {
  it('lists, shows, replays and purges, for people and for programs', async () => {
    const id = await failedJob('one', 'shop');
    const other = await failedJob('two');

    const list = await typed('dead-letters list');
    expect(list).toMatchObject({ code: 0, err: '' });
    expect(list.out).toMatch(new RegExp(`${id} +all_targets_failed +one +shop +1  All targets failed`));
    expect(list.out).toContain('2 shown, 2 in all');
    expect(await json('dead-letters list --tenant shop')).toMatchObject({
      total: 1,
      all: 2,
      letters: [{ id, attempts: [{ target: 'a/m' }] }],
    });

    expect((await understudy('dead-letters list --tenant shop')).out).toContain('1 shown of 1 that match, 2 in all');

    const shown = await understudy(`dead-letters show ${id}`);
    expect(shown.out).toMatch(/1 {2}a\/m {5}overloaded +529 +12/);
    expect(shown.out).not.toContain('secret prompt');
    expect((await understudy(`dead-letters show ${id} --payload`)).out).toContain('secret prompt');

    mended.add('one');
    expect(await understudy(`dead-letters replay ${id}`)).toMatchObject({ code: 0, out: '1 replayed\n' });
    await expect.poll(async () => (await results.get(id))?.status).toBe('completed');
    expect(await json('dead-letters purge --all --model two')).toEqual({ purged: 1 });
    expect(await understudy(`dead-letters show ${other}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`There is no failed job ${other}`) as string,
    });
  });

  it.each([
    ['dead-letters', 'say what to do with dead letters: list, show, replay, purge'],
    ['dead-letters replay', 'name the ids, or say --all'],
    ['dead-letters purge x --all', 'name the ids, or say --all'],
    ['dead-letters purge x --model m', 'a filter goes with --all'],
    ['dead-letters list --code no_such', 'no error code "no_such"; there are invalid_request'],
    ['dead-letters purge --all --older-than soon', 'write a time such as 30s, 15m, 2h or 7d'],
    ['dead-letters list --limit 0', 'a whole number from 1 on'],
    ['job', 'the id of the job is missing'],
    ['job a b', '"b" is one too many'],
    ['job --nonsense', "Unknown option '--nonsense'\n"],
    ['jobs', 'there is no command "jobs"; there are status, job, cancel, dead-letters, check'],
  ])('typed wrong (%s) says what is right, with exit code 2', async (words, advice) => {
    const said = await understudy(words);
    expect(said).toMatchObject({ code: 2, out: '', err: expect.stringContaining(advice) as string });
    expect(said.err).toContain('--help shows how it is used');
  });
});

describe('understudy job and cancel', () => {
  it('P11 a job is told with every attempt: target, outcome, time and cost; its answer only when asked for', async () => {
    mended.add('good');
    const id = await queue.add({ request: request('good') });
    await expect.poll(async () => (await results.get(id))?.status).toBe('completed');
    const said = await understudy(`job ${id}`);
    expect(said.out).toMatch(/state +completed/);
    expect(said.out).toMatch(/2 {2}b\/m {5}success +- +30 +0\.001200/);
    expect(said.out).toMatch(/answered +by b\/m after 50 ms, 5 of them in the queue/);
    expect(said.out).not.toContain('the answer');
    expect((await understudy(`job ${id} --result`)).out).toContain('the answer');
    expect(JSON.stringify(await json(`job ${id}`))).not.toContain('the answer');
    expect(await understudy('job never-was')).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no job never-was') as string,
    });
  });

  it('a job that waits is cancelled; one that has ended is left alone, with exit code 1', async () => {
    const id = await queue.add({ request: request('later') }, { delayMs: 600_000 });
    expect(await json(`job ${id}`)).toMatchObject({ state: 'parked', model: 'later', attempts: [] });
    expect(await understudy(`cancel ${id}`)).toMatchObject({ code: 0, out: `${id} is cancelled\n` });
    expect(await json(`job ${id}`)).toMatchObject({ state: 'cancelled', outcome: { error: { code: 'cancelled' } } });
    const ended = await failedJob('odd');
    expect(await understudy(`cancel ${ended}`)).toMatchObject({
      code: 1,
      out: expect.stringContaining('its result stands') as string,
    });
  });
});

describe('understudy status', () => {
  it('says that nobody has published, with exit code 1', async () => {
    expect(await understudy('status')).toMatchObject({
      code: 1,
      out: expect.stringContaining('does an aggregator run') as string,
    });
  });

  it('shows every target and the queue, and exits with 0 while somebody is healthy', async () => {
    const store = new SnapshotStore(location);
    const profile = { id: 'a/m', provider: 'a', weight: 1, tier: 0, maxLatencyMs: 5_000, timeoutMs: 10_000 };
    const view = viewTarget(initialTargetState(profile, DEFAULT_POLICY), profile, Date.now(), DEFAULT_POLICY);
    const lately = { model: 'm', score: 93.4, latencyMs: 412.3, lastCheckAt: Date.UTC(2026, 0, 2, 3, 4, 5) };
    const counts = { routingWeight: 100, successRate: 0.987, requests: 150, failures: 2, probeIntervalMs: 30_000 };
    const ending = { listed: false, shutdownAt: Date.UTC(2027, 0, 14) };
    const target = { ...view, ...lately, ...counts, ...ending };
    const snapshot = { epoch: 0, version: 1, at: Date.now(), scoring: 'adaptive' as const, targets: [target] };
    await expect.poll(() => store.publish({ epoch: 0, snapshot, state: '{}' }).catch(() => false)).toBe(true);
    await store.close();
    const said = await understudy('status');
    expect(said.code).toBe(0);
    expect(said.out).toContain('1 of 1 targets healthy');
    expect(said.out).toMatch(
      /a\/m +healthy +93\.4 +100\.0 +412 +98\.7 +150 +2 +0 {2}2026-01-02T03:04:05Z +not listed, shutdown 2027-01-14/,
    );
    expect(said.out).toMatch(/jobs: 0 waiting, 0 active, \d+ parked or put off, \d+ dead letters/);
    expect(await json('status')).toMatchObject({ snapshot: { targets: [{ target: 'a/m' }] }, queue: { waiting: 0 } });
  });
});

describe('understudy check', () => {
  it('approves of a good Redis, with its figures and what is worth a thought', async () => {
    const said = await understudy('check');
    expect(said.code).toBe(0);
    expect(said.out).toMatch(
      /: good\nversion \d.*noeviction.*\nnote: appendonly is off.*\nnote: no router has announced itself under the prefix/,
    );
    expect(await json('check')).toMatchObject({ good: true, problem: null, redis: { maxmemoryPolicy: 'noeviction' } });
  });

  it('names what is wrong, with exit code 1 and no secret', async () => {
    const away = 'redis://someone:s3cret@127.0.0.1:1';
    const checked = await understudy('check', away);
    expect(checked).toMatchObject({ code: 1, out: expect.stringContaining('Redis at 127.0.0.1:1: ') as string });
    const asked = await understudy('status', away);
    expect(asked).toMatchObject({
      code: 1,
      err: expect.stringContaining('Redis at 127.0.0.1:1 cannot be reached') as string,
    });
    expect(checked.out + asked.err).not.toContain('s3cret');
  });

  it('refuses a REDIS_URL that is none, with every form and exit code 2', async () => {
    const said = await understudy('check', 'http://cache');
    expect(said).toMatchObject({
      code: 2,
      err: expect.stringMatching(/REDIS_URL: is not a Redis URL.*redis\+cluster:.*redis\+sentinel:/) as string,
    });
  });
});

it('as a program of its own it ends with its exit code', async () => {
  const runs = await Promise.all(['check', 'dead-letters show never-was', 'nonsense', '--help'].map(typed));
  expect(runs.map(({ code }) => code)).toEqual([0, 1, 2, 0]);
}, 40_000);

describe('understudy --help', () => {
  it.each(['', '--help', 'help'])('"%s" shows every command', async (words) => {
    const said = await understudy(words);
    expect(said.code).toBe(0);
    for (const command of ['status', 'job ID', 'cancel ID', 'dead-letters list', 'check'])
      expect(said.out).toContain(`understudy ${command}`);
  });

  it('each command shows its options and examples', async () => {
    expect((await understudy('dead-letters --help')).out).toContain(
      'understudy dead-letters purge --all --older-than 7d',
    );
  });
});
