import type { EmbeddingsRequest } from '#libs/contracts';
import { describe, expect, test } from 'vitest';
import type { ProviderAdapter } from '../provider-adapter.js';
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

const embedWith = (adapter: ProviderAdapter, body: Partial<EmbeddingsRequest>, dimensions?: number) =>
  adapter.embed({ model: 'm', body: { model: 'asked', input: ['a', 'b'], ...body }, limits: LIMITS, dimensions });

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

  test.each<[string, EmbeddingsRequest['input'], unknown]>([
    ['of one text', 'a', { data: [vector(0)] }],
    ['of one text made of tokens', [1, 2, 3], { data: [vector(0)] }],
    ['of two texts made of tokens', [[1, 2, 3], [4]], { data: [vector(0), vector(1)] }],
    ['without an index', 'a', { data: [{ embedding: [1] }] }],
  ])('may be %s', async (_what, input, answer) => {
    const { adapter } = await answering(answer);
    expect(await embedWith(adapter, { input })).toMatchObject({ ok: true });
  });

  test('come in the order of the inputs, whatever the order of the answer', async () => {
    const { adapter } = await answering({ data: [vector(1, [1]), vector(0, [0])] });
    expect(await embedWith(adapter, {})).toMatchObject({ answer: { data: [vector(0, [0]), vector(1, [1])] } });
  });

  test('come in the encoding that was asked for, whichever the provider knows', async () => {
    const numbers = [0.5, -0.25, 1];
    const base64 = Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
    for (const said of [numbers, base64]) {
      const { adapter } = await answering({ data: [vector(0, said)] });
      const plain = await embedWith(adapter, { input: 'a' });
      expect(plain).toMatchObject({ answer: { data: [vector(0, numbers)] } });
      const coded = await embedWith(adapter, { input: 'a', encoding_format: 'base64' });
      expect(coded).toMatchObject({ answer: { data: [vector(0, base64)] } });
    }
  });

  test('are asked for with what the target needs changed', async () => {
    const { adapter, seen } = await answering({ data: [vector(0)] });
    const changes = { rename: { dimensions: 'output_dimension' }, drop: ['user'], set: { truncate: 'END' } };
    const body = { model: 'asked', input: 'a', dimensions: 2, user: 'u' };
    await adapter.embed({ model: 'm', body, limits: LIMITS, changes });
    expect(JSON.parse(seen.body)).toEqual({ model: 'm', input: 'a', output_dimension: 2, truncate: 'END' });
  });

  const floats = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
  test.each<[string, unknown]>([
    ['one too few', { data: [vector(0)] }],
    ['one too many', { data: [vector(0), vector(1), vector(2)] }],
    ['an empty vector', { data: [vector(0), vector(1, [])] }],
    ['a number beyond 32 bits', { data: [vector(0), vector(1, [1, 1e39])] }],
    ['a vector with a hole', { data: [vector(0), vector(1, [1, null])] }],
    ['a vector of words', { data: [vector(0), vector(1, ['1', '2'])] }],
    ['a shorter vector', { data: [vector(0), vector(1, [1])] }],
    ['a number beyond all numbers', { data: [vector(0), vector(1, floats(1, Infinity))] }],
    ['what is not a number', { data: [vector(0, floats(1, NaN)), vector(1)] }],
    ['a float that is cut', { data: [vector(0), vector(1, Buffer.from([1, 2, 3, 4, 5, 6]).toString('base64'))] }],
    ['what is no base64', { data: [vector(0), vector(1, '{}{}{}==')] }],
    ['base64 of nothing', { data: [vector(0), vector(1, '')] }],
    ['two vectors for one input', { data: [vector(0), vector(0)] }],
    ['a vector for an input that there is not', { data: [vector(0), vector(2)] }],
    ['a vector for half an input', { data: [vector(0), vector(0.5)] }],
    ['no list', { data: null }],
    ['null', null],
    ['a page', '<html>'],
  ])('are a failure with %s', async (_what, answer) => {
    const { adapter } = await answering(answer);
    expect(await embedWith(adapter, {})).toMatchObject({ ok: false, failure: 'bad_response', httpStatus: 200 });
  });

  test('are a failure when they are not as long as the target is known to make them', async () => {
    const { adapter } = await answering(LIST);
    expect(await embedWith(adapter, {}, 2)).toMatchObject({ ok: true });
    expect(await embedWith(adapter, {}, 3)).toMatchObject({ ok: false, failure: 'bad_response' });
  });

  test('are told to be a fault of the request when they are not shortened as it asks, so that the target is not blamed', async () => {
    const { adapter } = await answering(LIST);
    expect(await embedWith(adapter, { dimensions: 2 }, 3)).toMatchObject({ ok: true });
    const outcome = await embedWith(adapter, { dimensions: 1 }, 2);
    expect(outcome).toMatchObject({
      ok: false,
      failure: 'unsupported_param',
      message: expect.stringMatching(/^dimensions: 1 /),
    });
  });

  test('that are more than can be held are a fault of the request', async () => {
    const { adapter } = await startProvider((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.on('error', () => undefined);
      const part = '0.123456789,'.repeat(1_000_000);
      const more = () => !response.destroyed && response.write(part, () => setImmediate(more));
      response.write('{"data":[{"index":0,"embedding":[');
      more();
    });
    const limits = { ...LIMITS, totalMs: 15_000 };
    const outcome = await adapter.embed({ model: 'm', body: { model: 'asked', input: 'a' }, limits });
    expect(outcome).toMatchObject({ ok: false, failure: 'too_large' });
  });

  test('are refused with the class of the refusal', async () => {
    const { adapter } = await answering({ error: { code: 'model_not_found', message: 'no' } }, 404);
    const outcome = await adapter.embed({ model: 'm', body: { model: 'e', input: 'a' }, limits: LIMITS });
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
