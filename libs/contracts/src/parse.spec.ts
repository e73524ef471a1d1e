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
