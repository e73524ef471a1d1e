import { expect, test } from 'vitest';
import { nextReleases, passClass, shareOf } from './release-plan.js';
import type { ResolvedRoute } from './resolve-route.js';
import type { RoomLook } from './room-look.js';
import { learn, type WaitingGroup, WaitingGroups } from './waiting-groups.js';

const NOW = 1_000;
const route = { primary: ['t'] } as unknown as ResolvedRoute;

/** Groups that may be served by one target, with so many jobs each. */
function groupsOf(jobs: readonly number[], priorities: readonly number[] = []): WaitingGroup[] {
  const all = new WaitingGroups(() => ({ model: 'm', route }));
  return jobs.map((left, i) => {
    const group = all.follow({ name: `g-${i}`, waitsFor: '' });
    learn(group, { released: 0, left, next: i, priority: priorities[i] ?? 20, holdMs: 0 }, 0);
    return group;
  });
}

/** A target with room for so many. */
function roomFor(room: number) {
  let left = room;
  return {
    find: (_route: ResolvedRoute, most: number) => {
      const found = Math.min(left, most);
      left -= found;
      return found;
    },
  } as unknown as RoomLook;
}

const plan = (waiting: WaitingGroup[], room: number) =>
  nextReleases(waiting, shareOf(waiting.length), roomFor(room), NOW).map(({ group, most }) => [group.name, most]);

test('many small groups go together, a hundred at a time', () => {
  const waiting = groupsOf(Array(250).fill(1));
  expect([plan(waiting, 1_000), plan(waiting, 1_000), plan(waiting, 1_000)].map(({ length }) => length)).toEqual([
    100, 100, 50,
  ]);
});

test('one large group has a whole portion, several have a part each', () => {
  expect(plan(groupsOf([5_000]), 1_000)).toEqual([['g-0', 100]]);
  expect(plan(groupsOf([5_000, 5_000, 5_000, 3]), 1_000)).toEqual([
    ['g-0', 50],
    ['g-1', 50],
    ['g-2', 50],
    ['g-3', 3],
  ]);
});

test('a place goes to the first group, and the others of its kind are left alone until there may be more', () => {
  const waiting = groupsOf([1, 1, 1]);
  const [first, second] = waiting as [WaitingGroup, WaitingGroup];
  expect(plan(waiting, 1)).toEqual([['g-0', 1]]);
  expect(second.way.pause.until).toBeGreaterThan(NOW);
  expect(first.pause.until).toBeLessThan(NOW);
});

test('a group of which fewer may go than wait pauses', () => {
  const [group] = groupsOf([10]) as [WaitingGroup];
  expect(plan([group], 1)).toEqual([['g-0', 1]]);
  expect(group.pause.until).toBeGreaterThan(NOW);
});

test('where a class has no place in front, the next one has its turn', () => {
  const waiting = groupsOf([1, 1, 1, 1], [10, 20, 20, 30]);
  const planned = waiting.splice(0, 2).map((group) => ({ group, most: 1 }));
  passClass(waiting, planned);
  expect(waiting.map(({ name }) => name)).toEqual(['g-3']);
});
