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

/** A term on a stream and a store that answer what the test says. */
function term(answers: (boolean | Error)[] = []) {
  const arriving: Observation[][] = [];
  const waits: number[] = [];
  const published: Publication[] = [];
  const reader = {
    read: (cursor: string, { blockMs = 0 } = {}) => {
      waits.push(blockMs);
      const observations = arriving.shift() ?? [];
      return Promise.resolve({
        observations,
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
  return { leader: new LeaderTerm(4, configOf({ [GPT]: 1 }), null, reader, store), arriving, waits, published };
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
    arriving.push([failure()], [failure(), failure(), failure()], [failure()]);
    await leader.read(5_001);
    // The first failure leaves a score of 30: unhealthy.
    expect(leader.isDue(5_001)).toBe(true);
    await leader.publish(5_001);
    await leader.read(5_002);
    expect(leader.isDue(5_002)).toBe(false);
    await leader.read(5_003);
    expect(leader.isDue(5_003)).toBe(true);
    expect(await leader.publish(5_003)).toMatchObject([{ type: 'state-changed', to: 'unavailable' }]);
  });

  test('effects outlive a publication that failed, and no version is used twice', async () => {
    const { leader, arriving, published } = term([new Error('Redis is away'), true]);
    arriving.push([failure()]);
    await leader.read(5_000);
    await expect(leader.publish(5_000)).rejects.toThrow('Redis is away');
    expect(await leader.publish(5_200)).toHaveLength(1);
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
