import { describe, expect, test } from 'vitest';
import { LIMITS, sendJson, startProvider } from './provider.fixture.js';

const answering = (body: unknown, status = 200) =>
  startProvider((_, response) => sendJson(response, status, body), { apiKey: 'secret-key' });
const vector = (index: number, embedding: unknown = [0.1, -0.2]) => ({ object: 'embedding', index, embedding });
const LIST = {
  object: 'list',
  model: 'served',
  data: [vector(0), vector(1)],
  usage: { prompt_tokens: 4, total_tokens: 4 },
};

describe('embeddings', () => {
  test('come back verbatim, with our model asked for', async () => {
    const { adapter, seen } = await answering(LIST);
    const body = { model: 'asked', input: ['a', 'b'], dimensions: 2 };
    expect(await adapter.embed({ model: 'm', body, limits: LIMITS })).toMatchObject({
      ok: true,
      answer: LIST,
      servedModel: 'served',
      usage: { inputTokens: 4, outputTokens: 0 },
      firstTokenMs: undefined,
    });
    expect(seen.path).toBe('/v1/embeddings');
    expect(JSON.parse(seen.body)).toEqual({ ...body, model: 'm' });
  });

  test.each<[string, unknown, unknown]>([
    ['of one text', 'a', { data: [vector(0)] }],
    ['of one text made of tokens', [1, 2, 3], { data: [vector(0)] }],
    ['in base64', 'a', { data: [vector(0, 'AAAA')] }],
  ])('may be %s', async (_what, input, answer) => {
    const { adapter } = await answering(answer);
    expect(await adapter.embed({ model: 'm', body: { input }, limits: LIMITS })).toMatchObject({ ok: true });
  });

  test.each<[string, unknown]>([
    ['one too few', { data: [vector(0)] }],
    ['an empty vector', { data: [vector(0), vector(1, [])] }],
    ['a vector with a hole', { data: [vector(0), vector(1, [1, null])] }],
    ['no list', { data: null }],
    ['null', null],
    ['a page', '<html>'],
  ])('are a failure with %s', async (_what, answer) => {
    const { adapter } = await answering(answer);
    const outcome = await adapter.embed({ model: 'm', body: { input: ['a', 'b'] }, limits: LIMITS });
    expect(outcome).toMatchObject({ ok: false, failure: 'bad_response', httpStatus: 200 });
  });

  test('are refused with the class of the refusal', async () => {
    const { adapter } = await answering({ error: { code: 'model_not_found', message: 'no' } }, 404);
    const outcome = await adapter.embed({ model: 'm', body: { input: 'a' }, limits: LIMITS });
    expect(outcome).toMatchObject({ ok: false, failure: 'model_gone', httpStatus: 404 });
  });
});

describe('the list of models', () => {
  test('names them, and when they end', async () => {
    const data = [{ id: 'a', object: 'model' }, { id: 'b', shutdown_date: '2027-01-14' }, { id: 7 }, null];
    const { adapter, seen } = await answering({ object: 'list', data });
    expect(await adapter.listModels({ limits: LIMITS })).toMatchObject({
      ok: true,
      answer: [{ id: 'a' }, { id: 'b', shutdownDate: '2027-01-14' }],
    });
    expect(seen).toMatchObject({ path: '/v1/models', body: '', headers: { authorization: 'Bearer secret-key' } });
  });

  test('tells that the key is bad', async () => {
    const { adapter } = await answering({ error: { message: 'no' } }, 401);
    expect(await adapter.listModels({ limits: LIMITS })).toMatchObject({ ok: false, failure: 'auth' });
  });

  test('is a failure when it is none', async () => {
    const { adapter } = await answering({ hello: 1 });
    expect(await adapter.listModels({ limits: LIMITS })).toMatchObject({ ok: false, failure: 'bad_response' });
  });
});
