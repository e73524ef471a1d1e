import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { completionJobSchema } from './completion-job.js';
import { completionRequestSchema } from './completion-request.js';
import { UnderstudyError } from './errors.js';
import { parseOrThrow } from './parse.js';

const HELLO = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

function refusalOf(schema: z.ZodType, value: unknown): UnderstudyError {
  try {
    parseOrThrow(schema, value, 'request');
  } catch (error) {
    if (error instanceof UnderstudyError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a request', () => {
  test('keeps every field that we do not know', () => {
    const request = {
      ...HELLO,
      seed: 7,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache: true }], name: 'n' }],
    };
    expect(parseOrThrow(completionRequestSchema, request, 'request')).toEqual(request);
  });

  test.each([
    ['messages', { model: 'm' }],
    ['model', { messages: HELLO.messages }],
    ['messages[0].role', { ...HELLO, messages: [{ content: 'x' }] }],
    ['messages[1].content', { ...HELLO, messages: [HELLO.messages[0], { role: 'user', content: 5 }] }],
    ['messages[0].content[0].type', { ...HELLO, messages: [{ role: 'user', content: [{ text: 'x' }] }] }],
    ['temperature', { ...HELLO, temperature: 3 }],
    ['max_tokens', { ...HELLO, max_tokens: 0 }],
    ['n', { ...HELLO, n: 2 }],
  ])('with a wrong %s is refused by that name', (field, request) => {
    const refusal = refusalOf(completionRequestSchema, request);
    expect(refusal).toMatchObject({ code: 'invalid_request', field });
    expect(refusal.message).toContain(field);
    expect(refusal.message).not.toMatch(/: Invalid input$/);
  });
});

describe('whatever the size of a mistake, the message stays small', () => {
  test.each([
    ['thousands of wrong messages', { model: 'm', messages: Array(9_000).fill(5) }, /^messages\[0\]$/, 'and 8990 more'],
    ['a model name of a megabyte', { ...HELLO, model: 'x'.repeat(1e6) }, /^model$/, '256'],
    ['a million values', { model: 'm', messages: Array(1e6).fill(5) }, undefined, 'more than 50000 values'],
    [
      'a nesting of 20,000 levels',
      { ...HELLO, deep: JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) as unknown },
      undefined,
      'deeper than 64 levels',
    ],
  ])('%s', (_what, request, field, told) => {
    const refusal = refusalOf(completionRequestSchema, request);
    expect(refusal.message.length).toBeLessThan(1_500);
    expect(refusal.message).toContain(told);
    if (field) expect(refusal.field).toMatch(field);
  });

  test('an unknown field with a long name', () => {
    const refusal = refusalOf(completionJobSchema, { request: HELLO, ['x'.repeat(1e6)]: 1 });
    expect(refusal.message.length + refusal.field!.length).toBeLessThan(1_000);
  });
});

test('an unknown field of the envelope is named', () => {
  expect(refusalOf(completionJobSchema, { request: HELLO, prioritty: 1 })).toMatchObject({ field: 'prioritty' });
});

test('an error is the same error after crossing a process', () => {
  const error = new UnderstudyError('unknown_model', 'No model is called "x"', { field: 'model', retryable: false });
  const crossed = UnderstudyError.fromJSON(JSON.parse(JSON.stringify(error)) as never);
  expect(crossed).toBeInstanceOf(UnderstudyError);
  expect(crossed.toJSON()).toEqual(error.toJSON());
});
