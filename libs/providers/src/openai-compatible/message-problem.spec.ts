import { expect, test } from 'vitest';
import { messageProblem } from './message-problem.js';

const call = (called: unknown, more: object = {}) => ({
  content: null,
  tool_calls: [{ id: 't', function: called, ...more }],
});

test.each([
  ['text', { content: 'hi' }],
  ['parts', { content: [{ type: 'text', text: 'hi' }] }],
  ['no content', { refusal: 'no' }],
  ['a call', call({ name: 'f', arguments: '{"a":1}' }, { type: 'function' })],
  ['a call without arguments', call({ name: 'f', arguments: '' })],
  ['a call that has none', call({ name: 'f' })],
  ['arguments that are an object already', call({ name: 'f', arguments: { a: 1 } })],
  ['a call of another type', { tool_calls: [{ type: 'custom', custom: { name: 'f', input: 'x' } }] }],
  ['no calls', { content: 'hi', tool_calls: [] }],
])('a message with %s can be used', (_what, message) => {
  expect(messageProblem(message, 'stop')).toBeUndefined();
});

test.each([
  ['a number as its content', { content: 0 }, 'content'],
  ['an object as its content', { content: {} }, 'content'],
  ['calls that are no list', { tool_calls: 'f' }, 'no list'],
  ['a call that is nothing', { tool_calls: [null] }, 'no name'],
  ['a call whose beginning was lost', call({ arguments: '{"a":1}' }), 'no name'],
  ['a call with an empty name', call({ name: '', arguments: '{}' }), 'no name'],
  ['a call whose end was lost', call({ name: 'f', arguments: '{"a":' }), 'not JSON'],
])('a message with %s cannot', (_what, message, problem) => {
  expect(messageProblem(message, 'tool_calls')).toContain(problem);
});

test('an answer that ended to have tools called names one', () => {
  expect(messageProblem({ content: 'hi' }, 'tool_calls')).toContain('names none');
  expect(messageProblem({ content: 'hi', tool_calls: [] }, 'tool_calls')).toContain('names none');
  expect(messageProblem({ function_call: { name: 'f', arguments: '' } }, 'tool_calls')).toBeUndefined();
  expect(messageProblem(call({ name: 'f', arguments: '' }), 'tool_calls')).toBeUndefined();
});

test('a call that was cut at the token limit is told as it is', () => {
  expect(messageProblem(call({ name: 'f', arguments: '{"a":' }), 'length')).toBeUndefined();
});
