import { type JobOutcome, redisKeys, UnderstudyError } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { ResultStore } from './result-store.js';

const redisUrl = process.env.REDIS_URL!;
const prefix = uniquePrefix();
const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
const store = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });

afterAll(async () => {
  await store.close();
  await closeRedis(redis);
});

const failed = (message: string): JobOutcome => ({
  status: 'failed',
  error: new UnderstudyError('all_targets_failed', message).toJSON(),
});

describe('ResultStore', () => {
  it('lets exactly one of fifty concurrent commits win, and keeps that one', async () => {
    const won = await Promise.all(
      Array.from({ length: 50 }, async (_, i) =>
        (await store.commit('contended', failed(`writer ${i}`))) === 'committed' ? i : -1,
      ),
    );
    const winners = won.filter((i) => i >= 0);
    expect(winners).toHaveLength(1);
    expect(await store.get('contended')).toMatchObject({ error: { message: `writer ${winners[0]}` } });
  });

  it('lets exactly one win even when all say the same', async () => {
    const won = await Promise.all(Array.from({ length: 50 }, () => store.commit('unanimous', failed('same'))));
    expect(won.filter((outcome) => outcome === 'committed')).toHaveLength(1);
    expect(won.filter((outcome) => outcome === 'duplicate')).toHaveLength(49);
  });

  describe('fenced by the number of the run', () => {
    const begin = (jobId: string, runs: number) =>
      redis.hset(redisKeys(prefix).bull('completion', jobId), { data: '{}', ats: runs });

    it('refuses a run that was overtaken, whether or not the later one is done, and takes the later one', async () => {
      await begin('overtaken', 2);
      expect(await store.commit('overtaken', failed('first run'), '', 1)).toBe('superseded');
      expect(await store.get('overtaken')).toBeNull();
      expect(await store.commit('overtaken', failed('second run'), '', 2)).toBe('committed');
      expect(await store.commit('overtaken', failed('first run'), '', 1)).toBe('duplicate');
      expect(await store.get('overtaken')).toMatchObject({ error: { message: 'second run' } });
    });

    it('takes the result of a job that Redis has lost', async () => {
      expect(await store.commit('forgotten', failed('x'), '', 1)).toBe('committed');
    });

    it('holds for a job whose result was deleted so that it runs anew', async () => {
      await begin('replayed', 1);
      await store.commit('replayed', failed('first life'), '', 1);
      await redis.del(redisKeys(prefix).result('replayed'));
      await begin('replayed', 2);
      expect(await store.commit('replayed', failed('first life'), '', 1)).toBe('superseded');
      expect(await store.commit('replayed', failed('second life'), '', 2)).toBe('committed');
    });
  });

  it('tells the process that waits, and only when the result stands', async () => {
    const heard: string[] = [];
    const subscriber = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
    subscriber.on('message', (channel: string, jobId: string) => heard.push(`${channel} ${jobId}`));
    await subscriber.subscribe(`${prefix}:here`);
    await store.commit('told', failed('first'), `${prefix}:here`);
    await store.commit('told', failed('second'), `${prefix}:here`);
    await store.commit('told-too', failed('first'), `${prefix}:here`);
    await expect.poll(() => heard).toEqual([`${prefix}:here told`, `${prefix}:here told-too`]);
    await closeRedis(subscriber);
  });

  it('gives a result back as it was, without its commit token', async () => {
    const result = {
      id: 'c1',
      system_fingerprint: 'kept',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'hi' } }],
      understudy: { jobId: 'j', target: 'a/b', attempts: [], queueMs: 1, totalMs: 2 },
    };
    await store.commit('whole', { status: 'completed', result });
    expect(await store.get('whole')).toEqual({ status: 'completed', result });
  });

  it('forgets a result after its time', async () => {
    await store.commit('aging', failed('x'));
    const ttlMs = await redis.pttl(redisKeys(prefix).result('aging'));
    expect(ttlMs).toBeGreaterThan(50_000);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
  });

  it('reports a result that cannot be read as the failed job it is', async () => {
    await redis.set(redisKeys(prefix).result('scribbled'), 'not JSON');
    expect(await store.get('scribbled')).toMatchObject({ status: 'failed', error: { code: 'internal_error' } });
  });

  it('has nothing for a job without a result', async () => {
    expect(await store.get('none')).toBeNull();
  });

  it('fails fast when told to, naming Redis without its password', async () => {
    const away = new ResultStore({ redisUrl: 'redis://u:s3cret@127.0.0.1:1', prefix, ttlMs: 1, patience: 'fail-fast' });
    const error = await away.get('any').catch((e: unknown) => e as UnderstudyError);
    expect(error).toMatchObject({ code: 'queue_unavailable', retryable: true });
    expect((error as Error).message).toContain('127.0.0.1:1');
    expect((error as Error).message).not.toContain('s3cret');
    await away.close();
  });
});
