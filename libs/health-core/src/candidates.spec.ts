import { describe, expect, test } from 'vitest';
import { orderCandidates, type Routable, type RoutingQuestion, type Standing } from './candidates.js';

const target = (id: string, weight = 1): Routable => ({ id, weight });
const up = (score: number): Standing => ({ available: true, healthy: true, score });
const sick = (score: number): Standing => ({ available: true, healthy: false, score });
const down: Standing = { available: false, healthy: false, score: 80 };

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => target(id)) as [Routable, Routable, Routable, Routable];

function ask(question: Partial<RoutingQuestion>, health: Record<string, Standing> = {}) {
  const known = new Map(Object.entries(health));
  const answer = orderCandidates({ primary: [], standIns: [], fallbacks: [], draw: 0, ...question, health: known });
  return { ...answer, order: answer.candidates.map((candidate) => candidate.target).join(' ') };
}

describe('candidates', () => {
  test.each<[string, Partial<RoutingQuestion>, Record<string, Standing>, string]>([
    [
      'without any health every target is taken for healthy',
      { primary: [a], standIns: [b], fallbacks: [c] },
      {},
      'a b c',
    ],
    ['stand-ins come by score', { primary: [a], standIns: [b, c] }, { b: up(60), c: up(90) }, 'a c b'],
    [
      'score times weight decides, not score alone',
      { standIns: [target('b', 1), target('c', 5)] },
      { b: up(99), c: up(60) },
      'c b',
    ],
    ['the fallback chain keeps its own order', { primary: [a], fallbacks: [c, b] }, { b: up(99), c: up(60) }, 'a c b'],
    ['the preferred target comes first', { primary: [a], standIns: [b], preferred: b }, {}, 'b a'],
    [
      'a preferred target that is sick has no privilege',
      { primary: [a], standIns: [b], preferred: b },
      { b: sick(40) },
      'a b',
    ],
    ['a preferred target that is drained has no privilege', { primary: [a], preferred: target('b', 0) }, {}, 'a b'],
    [
      'an unavailable primary comes after everything else',
      { primary: [a], standIns: [b], fallbacks: [c] },
      { a: down },
      'b c a',
    ],
    ['an unhealthy primary comes after the chain', { primary: [a], fallbacks: [b] }, { a: sick(45) }, 'b a'],
    [
      'the chain is followed although its target is unhealthy',
      { primary: [a, b], fallbacks: [c] },
      { b: sick(45), c: sick(40) },
      'a c b',
    ],
    ['the chain is not followed to an unavailable target', { primary: [a], fallbacks: [b, c] }, { b: down }, 'a c b'],
    ['a drained target waits for the unhealthy ones', { primary: [target('a', 0), b] }, { b: sick(10) }, 'b a'],
    [
      'a drained target goes before an unavailable one',
      { primary: [a], fallbacks: [target('b', 0)] },
      { a: down },
      'b a',
    ],
    [
      'with everything down all are tried, the best first',
      { primary: [a], standIns: [b, c] },
      { a: down, b: { ...down, score: 90 }, c: down },
      'b a c',
    ],
    [
      'a target of several lists stands in the order once',
      { primary: [a], standIns: [a, b, c], fallbacks: [c, a, b] },
      {},
      'a b c',
    ],
    ['nobody to ask is an empty order', {}, {}, ''],
  ])('%s', (_guarantee, question, health, order) => {
    expect(ask(question, health).order).toBe(order);
  });

  test('among several primary targets the first is drawn by score and weight', () => {
    const primary = [target('a', 3), target('b', 1)];
    const first = (draw: number) => ask({ primary, draw }).order;
    expect([0, 0.74, 0.75, 0.999_999].map(first)).toEqual(['a b', 'a b', 'b a', 'b a']);
    const shares = Array.from({ length: 1000 }, (_, i) => first(i / 1000)).filter((order) => order.startsWith('b'));
    expect(shares).toHaveLength(250);
  });

  test('the draw never picks an unhealthy or drained target', () => {
    const primary = [target('a', 0), b, c, d];
    for (let draw = 0; draw < 1; draw += 0.05)
      expect(ask({ primary, draw }, { b: sick(50), c: down }).candidates[0]?.target).toBe('d');
  });

  test('behind a preferred target nothing is drawn', () => {
    expect(ask({ primary: [a, target('b', 5)], preferred: c, draw: 0.999 }).order).toBe('c b a');
  });

  test('a pin leaves one candidate, even a dead one', () => {
    const { order, excluded } = ask({ primary: [a], standIns: [b], pin: c }, { c: down });
    expect(order).toBe('c');
    expect(excluded.map(({ target: id, reason }) => `${id} ${reason}`)).toEqual(['a not_pinned', 'b not_pinned']);
  });

  test('every last resort is explained', () => {
    const { candidates, excluded } = ask({ primary: [a, b, target('c', 0), d] }, { a: down, b: sick(33) });
    expect(candidates.map(({ tier }) => tier)).toEqual(['primary', 'last-resort', 'last-resort', 'last-resort']);
    expect(excluded).toEqual([
      { target: 'a', reason: 'unavailable', score: 80 },
      { target: 'b', reason: 'unhealthy', score: 33 },
      { target: 'c', reason: 'drained', score: 100 },
    ]);
  });

  test('whatever the health, the order is a permutation of the targets named', () => {
    const standings = [undefined, up(70), sick(30), down];
    for (const [i, first] of standings.entries())
      for (const [j, second] of standings.entries())
        for (const weight of [0, 2]) {
          const health = Object.fromEntries(
            Object.entries({ a: first, b: second, c: standings[(i + j) % 4] }).filter(([, s]) => s),
          );
          const order = ask(
            { primary: [target('a', weight), b], standIns: [b, c], fallbacks: [d, a], preferred: c },
            health as never,
          ).order;
          expect(order.split(' ').toSorted()).toEqual(['a', 'b', 'c', 'd']);
        }
  });
});
