import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersPing } from '#libs/processes';
import { closeRedis, connectRedis } from '#libs/redis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { RedisKeeper } from './redis-keeper.js';
import { type RunningRedis, startRedis } from './start-redis.js';

/** A persistent server with a keeper, and what the keeper tells. */
async function keep() {
  const dir = mkdtempSync(join(tmpdir(), 'understudy-keeper-'));
  const told = { back: vi.fn<() => void>(), givenUp: vi.fn<(reason: string) => void>() };
  let isWanted = true;
  const keeper = new RedisKeeper({ isWanted: () => isWanted, onBack: told.back, onGivenUp: told.givenUp });
  const redis = await startRedis({
    env: { ...process.env, REDIS_URL: '' },
    persistent: { dir },
    onLost: (lost) => void keeper.bringBack(lost),
  });
  const stop = async () => {
    isWanted = false;
    await redis.stop();
  };
  onTestFinished(async () => {
    await stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return { redis, told, stop };
}

const endFromOutside = ({ pid }: RunningRedis, signal: NodeJS.Signals) => process.kill(pid as number, signal);

it.each(['SIGKILL', 'SIGTERM'] as const)(
  'starts it again with its data when somebody ends it by %s',
  async (signal) => {
    const { redis, told } = await keep();
    const client = connectRedis({ url: redis.url, name: 'test', patience: 'patient' });
    await client.set('kept', 'yes');
    // Written down for certain, whatever the next moment brings.
    await client.call('WAITAOF', '1', '0', '5000').catch(() => client.save());
    endFromOutside(redis, signal);
    await vi.waitFor(() => expect(told.back).toHaveBeenCalledOnce(), 20_000);
    expect(await client.get('kept')).toBe('yes');
    expect(told.givenUp).not.toHaveBeenCalled();
    await closeRedis(client);
  },
);

it('leaves it alone when we ourselves stop it', async () => {
  const { redis, told, stop } = await keep();
  await stop();
  expect(await answersPing(redis.port)).toBe(false);
  expect(told.back).not.toHaveBeenCalled();
  expect(told.givenUp).not.toHaveBeenCalled();
});

it('gives up when it is ended again and again', { timeout: 60_000 }, async () => {
  const { redis, told } = await keep();
  for (let ended = 1; ended <= 5; ended++) {
    endFromOutside(redis, 'SIGKILL');
    await vi.waitFor(() => expect(told.back).toHaveBeenCalledTimes(ended), 20_000);
  }
  endFromOutside(redis, 'SIGKILL');
  await vi.waitFor(() => expect(told.givenUp).toHaveBeenCalledOnce(), 20_000);
  expect(told.givenUp.mock.calls[0]![0]).toMatch(/6 times within 60 s/);
  expect(await answersPing(redis.port)).toBe(false);
});
