import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersPing, findFreePort } from '#libs/processes';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { startRedis, type RunningRedis } from './start-redis.js';

/** Sends one inline command and returns the raw reply. */
function command(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${line}\r\n`));
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(String(data));
    });
  });
}

/** The environment without REDIS_URL: a server of our own is wanted. */
const env = { ...process.env, REDIS_URL: '' };

describe('startRedis', () => {
  let redis: RunningRedis | undefined;
  afterEach(async () => {
    await redis?.stop();
    redis = undefined;
  });

  it('gives a loopback server that never evicts keys', async () => {
    redis = await startRedis({ env });
    expect(new URL(redis.url).hostname).toBe('127.0.0.1');
    expect(await command(redis.port, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
    expect(await command(redis.port, 'CONFIG GET appendonly')).toContain('no');
  });

  it('keeps the data of a persistent server over stop, crash and restart', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'understudy redis '));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    redis = await startRedis({ env, persistent: { dir } });
    await command(redis.port, 'SET kept yes');
    await redis.stop();
    expect(await answersPing(redis.port)).toBe(false);
    await redis.restart();
    expect(await command(redis.port, 'GET kept')).toContain('yes');
    await redis.kill();
    await redis.restart();
    expect(await command(redis.port, 'GET kept')).toContain('yes');
  });

  it('takes the preferred port when nobody has it, and another one when somebody has', async () => {
    const preferredPort = await findFreePort();
    redis = await startRedis({ env, preferredPort });
    expect(redis.port).toBe(preferredPort);
    const second = await startRedis({ env, preferredPort });
    onTestFinished(() => second.stop());
    expect(second.port).not.toBe(preferredPort);
  });

  it('uses the server of REDIS_URL and leaves it running', async () => {
    redis = await startRedis({ env });
    const borrowed = await startRedis({ env: { ...env, REDIS_URL: redis.url } });
    await borrowed.stop();
    expect(await answersPing(redis.port)).toBe(true);
  });

  it('names REDIS_URL when nothing answers there', async () => {
    const port = await findFreePort();
    await expect(startRedis({ env: { ...env, REDIS_URL: `redis://:secret@127.0.0.1:${port}` } })).rejects.toThrow(
      new RegExp(`^REDIS_URL names 127.0.0.1:${port}, but nothing answers there`),
    );
  });
});
