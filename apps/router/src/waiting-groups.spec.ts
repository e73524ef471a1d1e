import { expect, test } from 'vitest';
import type { ResolvedRoute } from './resolve-route.js';
import { isUnknown, learn, WaitingGroups } from './waiting-groups.js';

const routeTo = (target: string): ResolvedRoute => ({
  model: 'm',
  primary: [target],
  standIns: [],
  fallbacks: [],
  preferred: undefined,
  pin: undefined,
});
/** What a group waits for is the name of its target; '' is unknown. */
const open = (...groups: [name: string, target: string][]) => {
  const waiting = new WaitingGroups(({ name, waitsFor }) => ({
    model: name,
    route: waitsFor === '' ? null : routeTo(waitsFor),
  }));
  for (const [name, waitsFor] of groups) waiting.follow({ name, waitsFor });
  return waiting;
};
const PAUSE_MS = 100;
/** Names of the groups that may go at this time, and the targets that were asked about. */
function look(waiting: WaitingGroups, now: number, hasRoom: (target: string) => boolean) {
  const asked: string[] = [];
  const ask = ({ primary: [target = ''] }: ResolvedRoute) => {
    asked.push(target);
    return hasRoom(target);
  };
  const { ready, hasMore } = waiting.ready(now, ask, PAUSE_MS);
  return { ready: ready.map(({ name }) => name), asked, hasMore };
}

test('groups that may be served by the same targets are asked for once, however many they are', () => {
  const waiting = open(['a', 't'], ['b', 't'], ['c', 'u'], ['d', '']);
  expect(look(waiting, 0, (target) => target === 't')).toEqual({
    ready: ['a', 'b', 'd'],
    asked: ['t', 'u'],
    hasMore: false,
  });
});

test('there may be more groups than a call has arguments', () => {
  const waiting = open();
  for (let i = 0; i < 200_000; i++) waiting.follow({ name: `g-${i}`, waitsFor: 't' });
  expect(look(waiting, 0, () => true).ready).toHaveLength(200_000);
});

test('a way without room is left alone for a while, or until there is news', () => {
  const waiting = open(['a', 't']);
  expect(look(waiting, 1, () => false).asked).toEqual(['t']);
  expect(look(waiting, 50, () => true).ready).toEqual([]);
  expect(look(waiting, 101, () => true).ready).toEqual(['a']);
  look(waiting, 300, () => false);
  waiting.news(310);
  expect(look(waiting, 320, () => true).ready).toEqual(['a']);
});

test('of more ways than one look has time for, the others have the next one, which comes soon after news', () => {
  const waiting = open(...[...Array(450).keys()].map((i): [string, string] => [`g-${i}`, `t-${i}`]));
  const asked = new Set<string>();
  for (const now of [1, 2, 3]) {
    const { asked: targets, hasMore } = look(waiting, now, () => false);
    expect(targets.length).toBeLessThanOrEqual(200);
    expect(hasMore).toBe(now < 3);
    for (const target of targets) asked.add(target);
  }
  expect(asked.size).toBe(450);
  expect(look(waiting, 150, () => false).hasMore).toBe(false);
  waiting.news(160);
  expect(look(waiting, 161, () => false).hasMore).toBe(true);
});

test('a group that is on hold pauses, and goes on when there is room again', () => {
  const waiting = open(['a', 't'], ['b', 't']);
  const held = { released: 0, left: 3, next: 7, priority: 1, holdMs: 500 };
  learn(waiting.follow({ name: 'a', waitsFor: 't' }), held, 10);
  expect(look(waiting, 20, () => true).ready).toEqual(['b']);
  waiting.news(25);
  expect(look(waiting, 30, () => true).ready).toEqual(['b']);
  waiting.room(35);
  expect(look(waiting, 40, () => true).ready).toEqual(['a', 'b']);
});

test('what was learned of a group holds for a second, that it is empty for less, and until a job of it is parked', () => {
  const waiting = open(['a', 't']);
  const group = waiting.follow({ name: 'a', waitsFor: 't' });
  expect(isUnknown(group, 0)).toBe(true);
  learn(group, { released: 0, left: 1, next: 7, priority: 1, holdMs: 0 }, 0);
  expect([isUnknown(group, 900), isUnknown(group, 1_100)]).toEqual([false, true]);
  learn(group, { released: 1, left: 0, next: Infinity, priority: Infinity, holdMs: 0 }, 0);
  expect([isUnknown(group, 50), isUnknown(group, 100)]).toEqual([false, true]);
  waiting.tell({ name: 'a', waitsFor: 't' }, 10);
  expect(isUnknown(group, 20)).toBe(true);
});

test('groups are told that are new, and those that are listed no more, unless a job was parked just now', () => {
  const waiting = open(['a', 't'], ['b', 't']);
  expect(waiting.compare(['b', 'c'], 10)).toEqual({
    unknown: ['c'],
    unlisted: [expect.objectContaining({ name: 'a' })],
  });
  waiting.tell({ name: 'a', waitsFor: 't' }, 20);
  expect(waiting.compare(['b'], 10).unlisted).toEqual([]);
  waiting.forget({ name: 'a', waitsFor: 't' });
  expect(look(waiting, 30, () => true).ready).toEqual(['b']);
  expect(waiting.size).toBe(1);
});
