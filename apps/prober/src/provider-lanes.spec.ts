import { describe, expect, it } from 'vitest';
import { ProviderLanes } from './provider-lanes.js';

const patient = { waitMs: 60_000, signal: new AbortController().signal };

/** Work that ends when it is told to. */
function hangingWork() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { run: () => ended.then(() => 'done'), end };
}

describe('ProviderLanes', () => {
  it('lets as many pings into a lane as it is wide, and the next one when there is room', async () => {
    const lanes = new ProviderLanes([['openai', 2]]);
    const [first, second] = [hangingWork(), hangingWork()];
    const running = [lanes.run('openai', patient, first.run), lanes.run('openai', patient, second.run)];
    let thirdBegan = false;
    const third = lanes.run('openai', patient, async () => (thirdBegan = true));
    await new Promise(setImmediate);
    expect(thirdBegan).toBe(false);
    first.end();
    expect(await third).toBe(true);
    second.end();
    expect(await Promise.all(running)).toEqual(['done', 'done']);
  });

  it('does not let a full lane delay another', async () => {
    const lanes = new ProviderLanes([
      ['hanging', 1],
      ['healthy', 1],
    ]);
    const stuck = hangingWork();
    const hanging = lanes.run('hanging', patient, stuck.run);
    expect(await lanes.run('healthy', patient, async () => 'answered')).toBe('answered');
    stuck.end();
    await hanging;
  });

  it('gives up what has waited too long, and never begins it afterwards', async () => {
    const lanes = new ProviderLanes([['openai', 1]]);
    const stuck = hangingWork();
    const hanging = lanes.run('openai', patient, stuck.run);
    let began = false;
    expect(await lanes.run('openai', { ...patient, waitMs: 5 }, async () => (began = true))).toBeNull();
    stuck.end();
    await hanging;
    await lanes.run('openai', patient, async () => undefined);
    expect(began).toBe(false);
  });

  it('does not cut work that has begun', async () => {
    const lanes = new ProviderLanes([['openai', 1]]);
    const slow = hangingWork();
    const running = lanes.run('openai', { ...patient, waitMs: 1 }, slow.run);
    await lanes.run('openai', { ...patient, waitMs: 5 }, async () => undefined);
    slow.end();
    expect(await running).toBe('done');
  });

  it('ends the waiting of what has not begun when it is told to, and leaves the rest alone', async () => {
    const lanes = new ProviderLanes([['openai', 1]]);
    const stop = new AbortController();
    const slow = hangingWork();
    const running = lanes.run('openai', { waitMs: 60_000, signal: stop.signal }, slow.run);
    const waiting = lanes.run('openai', { waitMs: 60_000, signal: stop.signal }, async () => 'never');
    await new Promise(setImmediate);
    stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');
    slow.end();
    expect(await running).toBe('done');
  });

  it('hands on what the work throws, and has room again', async () => {
    const lanes = new ProviderLanes([['openai', 1]]);
    await expect(lanes.run('openai', patient, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await lanes.run('openai', patient, async () => 'next')).toBe('next');
  });
});
