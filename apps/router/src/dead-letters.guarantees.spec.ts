import { DeadLetters } from '#libs/queue';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { allAttempts, type Pair, startPair } from './guarantees.fixture.js';

const urls = { redisUrl: process.env.REDIS_URL!, simulatorUrl: process.env.SIMULATOR_URL! };
let pair: Pair;
let letters: DeadLetters;
beforeEach(async () => {
  // One target, and a budget that its faults use up.
  pair = await startPair(urls, { second: null, more: 'jobs: { maxAttempts: 2 }' });
  letters = new DeadLetters({ redisUrl: urls.redisUrl, prefix: pair.router.prefix });
});
afterEach(async () => {
  await letters.close();
  await pair.stop();
});

describe('a job that has used up its attempts', () => {
  test('G57 P10 P11 is a dead letter with all of them, and replayed after the mending it is answered under its id and key', async () => {
    await pair.fault({ kind: 'status', status: 503 });
    const failed = await pair.run({ idempotencyKey: 'order-1', tenant: 'shop' }, 30_000);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'all_targets_failed' } });
    const made = allAttempts(failed);
    expect(made).toHaveLength(2);

    await vi.waitFor(async () => expect(await letters.count()).toBe(1));
    const [letter] = (await letters.list()).letters;
    expect(letter).toMatchObject({ code: 'all_targets_failed', tenant: 'shop', idempotencyKey: 'order-1' });
    expect(letter?.attempts).toEqual(made);
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    expect(metrics).toMatch(/^ai_dead_letters 1$/m);

    await pair.revive();
    const { id } = letter!;
    await letters.replay(id);
    const answered = await vi.waitFor(
      async () => {
        const outcome = await pair.router.replies.waitFor(id, { timeoutMs: 5_000 });
        expect(outcome).toMatchObject({ status: 'completed', result: { understudy: { jobId: id } } });
        return outcome!;
      },
      { timeout: 15_000 },
    );
    // The budget of the first life does not count against the second; its attempts are told all the same.
    const all = allAttempts(answered);
    expect(all.slice(0, 2)).toEqual(made);
    expect(all.slice(2).map(({ number, outcome }) => [number, outcome])).toEqual([[3, 'success']]);
    expect(await letters.count()).toBe(0);
  });
});
