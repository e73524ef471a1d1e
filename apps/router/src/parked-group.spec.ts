import { parseConfig } from '#libs/config';
import type { Attempt, CompletionJob } from '#libs/contracts';
import { expect, test } from 'vitest';
import { groupOf, wishesOf } from './parked-group.js';

const config = parseConfig(
  `
providers: { p: { kind: openai-compatible, baseUrl: 'http://localhost/v1' } }
targets: [{ id: one, provider: p, model: m1 }, { id: two, provider: p, model: m2 }]
`,
  {},
);
const job = (model: string, routing?: CompletionJob['routing'], content = 'hi') => ({
  request: { model, messages: [{ role: 'user', content }] },
  routing,
});

test('jobs that ask for the same are one group, whatever else they say and in whatever order they wish', () => {
  expect(groupOf(job('m1', undefined, 'one text'), [])).toEqual(groupOf(job('m1', undefined, 'another'), []));
  expect(groupOf(job('m1', { preferred: 'one', fallbacks: ['two'] }), [])).toEqual(
    groupOf(job('m1', { fallbacks: ['two'], preferred: 'one' }), []),
  );
});

test('another model or another wish is another group', () => {
  const groups = [job('m1'), job('m2'), job('m1', { pin: 'one' }), job('m1', { pin: 'two' }), job('m1', {})];
  expect(new Set(groups.map((one) => groupOf(one, []).name)).size).toBe(groups.length);
});

test('a group leads to the route of its jobs', () => {
  expect(wishesOf(groupOf(job('m1', { fallbacks: ['two'] }), []), config)).toMatchObject({
    model: 'm1',
    route: { primary: ['one'], fallbacks: ['two'] },
  });
});

test('jobs for embeddings wait for targets that make them', () => {
  const embeddings = parseConfig(
    `
providers: { p: { kind: openai-compatible, baseUrl: 'http://localhost/v1' } }
targets: [{ id: one, provider: p, model: e, operation: embeddings }, { id: two, provider: p, model: m }]
`,
    {},
  );
  const group = groupOf({ operation: 'embeddings', request: { model: 'e', input: 'hi' } }, []);
  expect(wishesOf(group, embeddings)).toMatchObject({ model: 'e', route: { primary: ['one'], standIns: [] } });
  expect(groupOf({ ...job('m'), operation: 'chat' }, [])).toEqual(groupOf(job('m'), []));
});

test('a job that some target cannot take waits for the others, with those of its kind', () => {
  const faulty = (number: number): Attempt => ({
    number,
    target: 'one',
    outcome: 'unsupported_param',
    startedAt: number,
    latencyMs: 1,
  });
  const group = groupOf(job('m1'), [faulty(1)]);
  expect(group).toEqual(groupOf(job('m1'), [faulty(1), { ...faulty(2), outcome: 'overloaded' }, faulty(3)]));
  expect(group.name).not.toBe(groupOf(job('m1'), []).name);
  expect(wishesOf(group, config).route).toMatchObject({ primary: [], standIns: ['two'] });
});

test.each([
  ['a model that is configured no more', groupOf(job('gone'), []).waitsFor, 'gone'],
  ['a target that is configured no more', groupOf(job('m1', { pin: 'gone' }), []).waitsFor, 'm1'],
  ['what is no JSON', 'nonsense', ''],
  ['what is something else', '[]', ''],
])('a group that waits for %s has no route', (_what, waitsFor, model) => {
  expect(wishesOf({ name: 'g', waitsFor }, config)).toEqual({ model, route: null });
});
