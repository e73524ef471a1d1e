import { expect, test } from 'vitest';
import { mergeFragments } from './merge-fragments.js';

function merged(...deltas: Record<string, unknown>[]): Record<string, unknown> {
  const message = {};
  for (const delta of deltas) mergeFragments(message, delta);
  return message;
}

test('texts are joined, names are not', () => {
  expect(merged({ role: 'assistant', content: 'a' }, { role: 'assistant', content: 'b' })).toEqual({
    role: 'assistant',
    content: 'ab',
  });
});

test('content that begins as a text and goes on as parts loses neither', () => {
  const part = { type: 'reference', ids: [1] };
  expect(merged({ content: 'said ' }, { content: [part] }, { content: 'more' }).content).toEqual([
    { type: 'text', text: 'said ' },
    part,
    { type: 'text', text: 'more' },
  ]);
});

test('arguments without an index go on with the last tool call', () => {
  const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x"' } };
  expect(merged({ tool_calls: [call] }, { tool_calls: [{ function: { arguments: ':1}' } }] }).tool_calls).toEqual([
    { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
  ]);
});

test('tool calls side by side grow by their index', () => {
  const begin = [0, 1].map((index) => ({ index, id: `c${index}`, function: { name: 'f', arguments: '' } }));
  const more = [1, 0].map((index) => ({ index, function: { arguments: `${index}` } }));
  expect(merged({ tool_calls: begin }, { tool_calls: more }).tool_calls).toMatchObject([
    { id: 'c0', function: { arguments: '0' } },
    { id: 'c1', function: { arguments: '1' } },
  ]);
});

test('a hundred thousand entries are a list like any other', () => {
  const junk = Array.from({ length: 100_000 }, () => ({}));
  expect((merged({ junk }).junk as unknown[]).length).toBe(100_000);
  const numbered = Array.from({ length: 20_000 }, (_, index) => ({ index }));
  expect((merged({ numbered }).numbered as unknown[]).length).toBe(20_000);
});
