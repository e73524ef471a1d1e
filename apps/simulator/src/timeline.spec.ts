import { describe, expect, it } from 'vitest';
import type { ScriptInput } from './script.js';
import { ask, startForSpec } from './simulator.fixture.js';

const base: ScriptInput = { latency: { kind: 'fixed', ms: 0 }, providers: { p: { models: { m: {} } } } };

async function play(script: Partial<ScriptInput>) {
  const simulator = await startForSpec({ script: { ...base, ...script } });
  return { ...simulator, status: async () => (await simulator.complete('p', ask('m'))).status };
}

describe('a timeline', () => {
  it('kills and revives at its times, from the first request on', async () => {
    const simulator = await play({
      timeline: [
        { atMs: 1_000, provider: 'p', action: 'revive' },
        { atMs: 0, provider: 'p', action: 'kill' },
      ],
    });
    expect(await simulator.status()).toBe(503);
    await expect.poll(simulator.status).toBe(200);
    const { timeline } = (await simulator.admin('GET', '/state')).json<any>();
    expect(timeline).toMatchObject({ status: 'done', entries: [{ action: 'kill' }, { action: 'revive' }] });
    expect(timeline.entries[1].firedAt - timeline.startedAt).toBeGreaterThanOrEqual(999);
    await simulator.close();
  });

  it('that starts by hand waits, and starts again from the beginning', async () => {
    const fault = { kind: 'status', status: 418 } as const;
    const simulator = await play({
      startTimeline: 'manual',
      timeline: [{ atMs: 0, provider: 'p', model: 'm', action: 'fault', fault, forRequests: 1 }],
    });
    expect(await simulator.status()).toBe(200);
    for (let round = 0; round < 2; round++) {
      expect((await simulator.admin('POST', '/timeline/start')).json()).toMatchObject({ status: 'done' });
      expect([await simulator.status(), await simulator.status()]).toEqual([418, 200]);
    }
    await simulator.close();
  });

  it('that is started again while it runs carries out each action once', async () => {
    const changes: string[] = [];
    const simulator = await startForSpec({
      script: {
        ...base,
        startTimeline: 'manual',
        timeline: [
          { atMs: 100, provider: 'p', action: 'kill' },
          { atMs: 200, provider: 'p', action: 'revive' },
        ],
      },
      onChange: (_change, message) => changes.push(message),
    });
    await simulator.admin('POST', '/timeline/start');
    await simulator.admin('POST', '/timeline/start');
    await expect.poll(() => changes.at(-1)).toBe('faults cleared');
    expect(changes).toEqual(['fault set', 'faults cleared']);
    await simulator.close();
  });

  it('skips an action on a provider that was removed', async () => {
    const skipped: string[] = [];
    const simulator = await startForSpec({
      script: { ...base, startTimeline: 'manual', timeline: [{ atMs: 1, provider: 'p', action: 'kill' }] },
      onChange: (_change, message) => skipped.push(message),
    });
    await simulator.admin('DELETE', '/providers/p');
    await simulator.admin('POST', '/timeline/start');
    await expect.poll(() => skipped.at(-1)).toContain("timeline action skipped: no provider 'p'");
    expect((await simulator.send('GET', '/live')).status).toBe(200);
    await simulator.close();
  });
});
