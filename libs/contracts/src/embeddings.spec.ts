import { describe, expect, test } from 'vitest';
import { type JobPayload, parseJob } from './completion-job.js';
import { isEmbeddings, jobOutcomeSchema } from './completion-result.js';
import { countInputs, type EmbeddingsInput } from './embeddings.js';
import type { UnderstudyError } from './errors.js';

const embeddings = (request: object, envelope: object = {}) => ({
  operation: 'embeddings',
  request: { model: 'e', ...request },
  ...envelope,
});

function refusalOf(payload: unknown): UnderstudyError {
  try {
    parseJob(payload);
  } catch (error) {
    return error as UnderstudyError;
  }
  throw new Error('it was accepted');
}

describe('a job for embeddings', () => {
  test.each<[string, EmbeddingsInput, number]>([
    ['a text', 'hello', 1],
    ['texts', ['hello', 'world', 'hello'], 3],
    ['2,048 texts', Array(2_048).fill('a') as string[], 2_048],
    ['the tokens of one text', [1, 2, 3], 1],
    ['the tokens of several', [[1, 2], [3]], 2],
    ['as many tokens as a provider takes', Array.from({ length: 1_000 }, () => Array<number>(300).fill(9)), 1_000],
  ])('takes %s, and is kept as it is', (_what, input, count) => {
    const job = embeddings({ input, dimensions: 8, encoding_format: 'base64', field_of_tomorrow: { kept: true } });
    expect(parseJob(job)).toEqual(job);
    expect(countInputs(input)).toBe(count);
  });

  test.each<[string, object, string, string]>([
    ['no input', {}, 'request.input', 'is missing'],
    ['null', { input: null }, 'request.input', 'is missing'],
    ['an empty text', { input: '' }, 'request.input', 'is empty'],
    ['an empty list', { input: [] }, 'request.input', 'is empty'],
    ['an empty text in a list', { input: ['a', '', 'b'] }, 'request.input[1]', 'is empty'],
    ['an empty list of tokens', { input: [[1], []] }, 'request.input[1]', 'is empty'],
    ['a number', { input: 5 }, 'request.input', 'must be a text'],
    ['an object', { input: [{ text: 'a' }] }, 'request.input[0]', 'must be a text'],
    ['texts and tokens', { input: ['a', 7] }, 'request.input[1]', 'must be a text like the first'],
    ['half a token', { input: [1, 2.5] }, 'request.input[1]', 'is no token'],
    ['a negative token', { input: [[1], [2, -1]] }, 'request.input[1]', 'no token'],
    ['a token that is a text', { input: [1, '2'] }, 'request.input[1]', 'is no token'],
    ['2,049 texts', { input: Array(2_049).fill('a') }, 'request.input', 'holds 2049 inputs; at most 2048'],
    ['a million tokens', { input: Array(1_000_000).fill(1) }, 'request.input', 'holds 1000000 tokens; at most 400000'],
    ['no model', { model: undefined, input: 'a' }, 'request.model', 'is missing'],
    ['no dimensions', { input: 'a', dimensions: 0 }, 'request.dimensions', 'Too small'],
    ['an unknown encoding', { input: 'a', encoding_format: 'int8' }, 'request.encoding_format', 'float or base64'],
    ['a stream', { input: 'a', stream: true }, 'request.stream', 'not streamed'],
    ['much beside its input', { input: 'a', more: Array(60_000).fill(1) }, '', 'more than 50000 values'],
  ])('with %s is refused by the name of the field', (_what, request, field, message) => {
    const refusal = refusalOf(embeddings(request));
    expect(refusal).toMatchObject({ code: 'invalid_request' });
    expect(refusal.field ?? '').toBe(field);
    expect(refusal.message).toContain(message);
    expect(refusal.message.length).toBeLessThan(500);
  });

  test.each<[string, unknown, string]>([
    ['a stream of chunks', embeddings({ input: 'a' }, { streaming: true }), 'streaming'],
    ['an operation that there is not', { ...embeddings({ input: 'a' }), operation: 'paint' }, 'operation'],
    ['no operation', { request: { model: 'e', input: 'a' } }, 'request.messages'],
  ])('with %s is none', (_what, payload, field) => {
    expect(refusalOf(payload)).toMatchObject({ code: 'invalid_request', field });
  });
});

test('a job without an operation is one for a chat completion, as ever', () => {
  const job: JobPayload = { request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] }, streaming: true };
  expect(parseJob(job)).toEqual(job);
  expect(parseJob({ ...job, operation: 'chat' })).toEqual({ ...job, operation: 'chat' });
});

test('the outcome of either kind is read as what it is', () => {
  const understudy = { jobId: 'j', target: 'a/m', attempts: [], queueMs: 0, totalMs: 1 };
  const vectors = { data: [{ index: 0, embedding: [0.1] }], usage: { prompt_tokens: 1 }, understudy };
  const words = { choices: [{ index: 0, message: { content: 'hi' } }], understudy };
  const kinds = [vectors, words].map((result) => {
    const outcome = jobOutcomeSchema.parse({ status: 'completed', result });
    expect(outcome).toEqual({ status: 'completed', result });
    return outcome.status === 'completed' && isEmbeddings(outcome.result);
  });
  expect(kinds).toEqual([true, false]);
});
