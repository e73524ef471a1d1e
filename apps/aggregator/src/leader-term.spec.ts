import type { HealthSnapshot } from '#libs/contracts';
import type { Observation } from '#libs/health-core';
import type { Publication } from '#libs/store';
import { describe, expect, test } from 'vitest';
import { configOf } from './aggregator.fixture.js';
import { LeaderTerm } from './leader-term.js';

const GPT = 'openai/gpt-4';
let sequence = 0;
const failure = (): Observation => {
  const id = `spec-${++sequence}`;
  return { id, target: GPT, source: 'traffic', outcome: 'server_error', latencyMs: 1, at: 1_000 + sequence * 10 };
};

const failures = (count: number) => Array.from({ length: count }, failure);
const success = (): Observation => ({ ...failure(), outcome: 'success' });
const probeSuccess = (): Observation => ({ ...success(), source: 'probe' });

/** A term on a stream and a store that answer what the test says. */
function term(answers: (boolean | Error)[] = []) {
  const arriving: Observation[][] = [];
  const waits: number[] = [];
  const waited: number[] = [];
  const published: Publication[] = [];
  const reader = {
    read: (cursor: string, { blockMs = 0 } = {}) => {
      waits.push(blockMs);
      const observations = arriving.shift() ?? [];
      return Promise.resolve({
        observations,
        waitedMs: observations.map(() => waited.shift() ?? 0),
        rejected: [],
        cursor: observations.length > 0 ? `${sequence}-0` : cursor,
      });
    },
  };
  const store = {
    publish: (publication: Publication) => {
      published.push(publication);
      const answer = answers.shift() ?? true;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  return { leader: new LeaderTerm(4, configOf({ [GPT]: 1 }), null, reader, store), arriving, waits, waited, published };
}

const stamps = (published: Publication[]) =>
  published.map(({ snapshot }: { snapshot: HealthSnapshot }) => snapshot.version);

describe('leader term', () => {
  test('it publishes at once when it begins, then once a second', async () => {
    const { leader, waits } = term();
    expect(leader.isDue(5_000)).toBe(true);
    await leader.publish(5_000);
    await leader.read(5_200);
    expect(waits).toEqual([800]);
    expect([leader.isDue(5_999), leader.isDue(6_000)]).toEqual([false, true]);
  });

  test('a change of state does not wait for the heartbeat, any other observation does', async () => {
    const { leader, arriving } = term();
    await leader.publish(5_000);
    arriving.push([success()], failures(5));
    await leader.read(5_001);
    expect(leader.isDue(5_001)).toBe(false);
    await leader.read(5_003);
    expect(leader.isDue(5_003)).toBe(true);
    const effects = await leader.publish(5_003);
    expect(effects).toContainEqual(expect.objectContaining({ type: 'state-changed', to: 'unavailable' }));
    expect(effects).toContainEqual(expect.objectContaining({ type: 'breaker-changed', from: 'closed', to: 'open' }));
  });

  test('a first failure asks probers to look at once, though no more than a few times a second', async () => {
    const { leader, arriving, published } = term();
    await leader.publish(5_000);
    arriving.push([failure()]);
    await leader.read(5_010);
    expect([leader.isDue(5_010), leader.isDue(5_250)]).toEqual([false, true]);
    await leader.publish(5_250);
    expect(published.map(({ snapshot }) => snapshot.targets[0]?.probeIntervalMs)).toEqual([30_000, 1_000]);
  });

  test('time passes for a target of which nothing is heard: with every heartbeat', async () => {
    const { leader, arriving, published } = term();
    arriving.push(failures(5));
    await leader.read(5_000);
    for (let now = 5_000; now <= 40_000; now += 1_000) await leader.publish(now);
    const breakers = published.map(({ snapshot }) => snapshot.targets[0]?.breaker);
    expect(breakers[0]).toBe('open');
    // No probe reports, so time alone lets trials begin.
    expect(breakers.at(-1)).toBe('half-open');
  });

  test('what happened while nobody led is judged by when it happened', async () => {
    const { leader, arriving, waited, published } = term();
    // An outage that began and ended ten minutes ago, with good calls since.
    arriving.push([...failures(5), ...Array.from({ length: 40 }, probeSuccess)]);
    waited.push(...Array<number>(5).fill(600_000), ...Array.from({ length: 40 }, (_, i) => 580_000 - i * 14_000));
    await leader.read(1_000_000);
    await leader.publish(1_000_000);
    expect(published[0]?.snapshot.targets[0]).toMatchObject({ breaker: 'closed', healthy: true });
    expect(published[0]?.snapshot.targets[0]?.closedAt).toBeLessThan(700_000);
  });

  test('a clock that is set back by an hour does not silence it', async () => {
    const { leader, waits } = term();
    await leader.publish(5_000_000);
    expect(leader.isDue(1_400_000)).toBe(true);
    await leader.read(1_400_000);
    expect(waits).toEqual([1]);
  });

  test('effects outlive a publication that failed, and no version is used twice', async () => {
    const { leader, arriving, published } = term([new Error('Redis is away'), true]);
    arriving.push(failures(5));
    await leader.read(5_000);
    await expect(leader.publish(5_000)).rejects.toThrow('Redis is away');
    expect((await leader.publish(5_200))?.length).toBeGreaterThan(0);
    expect(await leader.publish(6_200)).toEqual([]);
    expect(stamps(published)).toEqual([1, 2, 3]);
  });

  test('a refused publication has no effects', async () => {
    const { leader, arriving } = term([false]);
    arriving.push([failure()]);
    await leader.read(5_000);
    expect(await leader.publish(5_000)).toBeNull();
  });

  test('the cursor is stored together with the state that it led to', async () => {
    const { leader, arriving, published } = term();
    arriving.push([failure(), failure()]);
    await leader.read(5_000);
    await leader.publish(5_000);
    const saved = {
      version: 1,
      cursor: `${sequence}-0`,
      targets: { [GPT]: { requests: 2 } },
      reporters: [['spec', sequence]],
    };
    expect(JSON.parse(published[0]?.state ?? '')).toMatchObject(saved);
  });
});
