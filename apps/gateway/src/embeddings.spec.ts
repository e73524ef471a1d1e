import { UnderstudyError } from '#libs/contracts';
import OpenAI from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type GatewaySetup, type GatewayUnderTest, startGateway, vectorsFor } from './gateway.fixture.js';

const running: GatewayUnderTest[] = [];
const gateway = async (setup: GatewaySetup = {}) => {
  const started = await startGateway(setup);
  running.push(started);
  return started;
};
afterEach(() => Promise.all(running.splice(0).map((started) => started.stop())));

const body = { model: 'e', input: ['one', 'two'] };

async function post({ url }: { url: string }, path: string, content: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(content) });
  return { status: response.status, headers: response.headers, json: (await response.json()) as any };
}
const embed = (door: { url: string }, content: unknown = body, headers = {}) =>
  post(door, '/v1/embeddings', content, headers);

describe('POST /v1/embeddings', () => {
  it('answers with the provider’s response, every field of it, and who gave it', async () => {
    const door = await gateway({ script: vectorsFor });
    const { status, headers, json } = await embed(door);
    expect(status).toBe(200);
    expect(json).toMatchObject({ object: 'list', model: 'e-v1', field_of_tomorrow: 1, usage: { prompt_tokens: 3 } });
    expect(json.data.map(({ embedding }: { embedding: unknown }) => embedding)).toEqual([
      [0.5, -1],
      [0.5, -1],
    ]);
    expect(json.understudy).toMatchObject({ target: 'a/e', attempts: [{ number: 1, outcome: 'success' }] });
    expect(headers.get('x-understudy-job-id')).toBe(json.understudy.jobId);
    expect(headers.get('x-understudy-target')).toBe('a/e');
    expect(headers.get('x-understudy-model')).toBe('e-v1');
    expect(headers.get('x-understudy-attempts')).toBe('1');
  });

  it('is what the official openai package calls, which asks for base64 by itself', async () => {
    const door = await gateway({ script: vectorsFor });
    const openai = new OpenAI({ baseURL: `${door.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const { data } = await openai.embeddings.create({ model: 'e', input: 'one', dimensions: 2 });
    expect(data).toMatchObject([{ index: 0, embedding: [0.5, -1] }]);
    const plain = await openai.embeddings.create({ ...body, encoding_format: 'float' });
    expect(plain.data.map(({ embedding }) => embedding)).toEqual([
      [0.5, -1],
      [0.5, -1],
    ]);
    expect(door.jobs[0]?.request).toEqual({ model: 'e', input: 'one', dimensions: 2, encoding_format: 'base64' });
  });

  it('enqueues the body without our own fields, which become wishes of the job, and headers outdo them', async () => {
    const door = await gateway({ script: vectorsFor });
    const ours = { routing: { pin: 'a/e' }, tenant: 'search', operation: 'embeddings' };
    const { status } = await embed(
      door,
      { ...body, user: 'u', understudy: ours },
      { 'x-understudy-timeout-ms': '5000', 'x-understudy-priority': 'low', 'idempotency-key': 'k' },
    );
    expect(status).toBe(200);
    expect(door.jobs).toEqual([
      {
        operation: 'embeddings',
        request: { ...body, user: 'u' },
        routing: { pin: 'a/e' },
        tenant: 'search',
        priority: 'low',
        idempotencyKey: 'k',
        deadlineMs: 4_500,
        replyTo: expect.stringContaining(door.prefix),
      },
    ]);
  });

  it('takes as many tokens as a provider does', async () => {
    const door = await gateway({ script: vectorsFor, maxRequestBytes: 4 * 1024 * 1024 });
    const input = Array.from({ length: 1_000 }, () => Array<number>(300).fill(70_000));
    expect((await embed(door, { ...body, input })).json.data).toHaveLength(1_000);
  });

  it.each([
    ['no input', { model: 'e' }, 'input', /input: is missing/],
    ['nothing to embed', { ...body, input: [] }, 'input', /is empty/],
    ['an empty text', { ...body, input: ['a secret text', ''] }, 'input[1]', /is empty/],
    ['2,049 inputs', { ...body, input: Array(2_049).fill('a') }, 'input', /2049 inputs; at most 2048/],
    ['a stream', { ...body, stream: true }, 'stream', /not streamed/],
    [
      'a wish for a chat',
      { ...body, understudy: { operation: 'chat' } },
      'understudy.operation',
      /door for embeddings/,
    ],
    ['an unknown operation', { ...body, understudy: { operation: 'x' } }, 'understudy.operation', /chat, embeddings/],
    ['an unknown encoding', { ...body, encoding_format: 'int8' }, 'encoding_format', /float or base64/],
  ])('refuses %s before anything is enqueued, naming what is wrong', async (_what, content, param, message) => {
    const door = await gateway({ script: vectorsFor });
    const { status, json } = await embed(door, content);
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ type: 'invalid_request_error', param, code: 'invalid_request' });
    expect(json.error.message).toMatch(message);
    expect(JSON.stringify(json) + door.lines.join('')).not.toContain('a secret text');
    expect(door.jobs).toEqual([]);
  });

  it('refuses what is too large with 413, an unknown model with 404 and another method with 405', async () => {
    const door = await gateway({ catalog: ['e'] });
    expect(await embed(door, { ...body, input: 'x'.repeat(70_000) })).toMatchObject({ status: 413 });
    expect(await embed(door, { ...body, model: 'f' })).toMatchObject({
      status: 404,
      json: { error: { param: 'model' } },
    });
    const got = await fetch(`${door.url}/v1/embeddings`);
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('wants a key where one is set', async () => {
    const door = await gateway({ keys: ['the-only-key'], script: vectorsFor });
    expect((await embed(door)).status).toBe(401);
    expect((await embed(door, body, { authorization: 'Bearer the-only-key' })).status).toBe(200);
  });

  it('tells the error of its job with the same status as a chat', async () => {
    const error = (jobId: string) => new UnderstudyError('deadline_exceeded', 'too late', { jobId }).toJSON();
    const door = await gateway({ script: (_job, jobId) => ({ status: 'failed', error: error(jobId) }) });
    const { status, headers, json } = await embed(door);
    expect(status).toBe(504);
    expect(json.error).toMatchObject({ message: 'too late', code: 'deadline_exceeded' });
    expect(headers.get('x-should-retry')).toBe('false');
  });

  it('takes the job of a caller that leaves back', async () => {
    const door = await gateway();
    const hangUp = new AbortController();
    const { signal } = hangUp;
    const request = fetch(`${door.url}/v1/embeddings`, { method: 'POST', body: JSON.stringify(body), signal });
    await vi.waitFor(() => expect(door.jobs).toHaveLength(1));
    hangUp.abort();
    await expect(request).rejects.toThrow(/aborted/);
    await vi.waitFor(async () =>
      expect(await (await fetch(`${door.url}/metrics`)).text()).toContain('ai_callers_left_total{job="cancelled"} 1'),
    );
  });
});

it('POST /v1/chat/completions refuses to embed', async () => {
  const door = await gateway();
  const content = { model: 'm', messages: [{ role: 'user', content: 'hi' }], understudy: { operation: 'embeddings' } };
  const { status, json } = await post(door, '/v1/chat/completions', content);
  expect([status, json.error.param]).toEqual([400, 'understudy.operation']);
});

describe('/v1/jobs', () => {
  const later = { ...body, understudy: { operation: 'embeddings' } };

  it('takes a job for embeddings that says so, and brings its vectors', async () => {
    const door = await gateway({ script: vectorsFor });
    const { status, json } = await post(door, '/v1/jobs', later);
    expect([status, json.state]).toEqual([202, 'queued']);
    const found = await fetch(`${door.url}/v1/jobs/${json.id}?wait_ms=10000`);
    expect(await found.json()).toMatchObject({ state: 'completed', result: { data: [{ index: 0 }, { index: 1 }] } });
    expect(found.headers.get('x-understudy-target')).toBe('a/e');
  });

  it('tells who forgot to say so what is to be said', async () => {
    const door = await gateway({ script: vectorsFor });
    const { status, json } = await post(door, '/v1/jobs', body);
    expect([status, json.error.param]).toEqual([400, 'messages']);
    expect(json.error.message).toContain('"understudy": {"operation": "embeddings"}');
    expect(door.jobs).toEqual([]);
  });

  it('has no stream of it', async () => {
    const door = await gateway({ script: vectorsFor });
    expect((await post(door, '/v1/jobs', { ...later, stream: true })).json.error.param).toBe('stream');
    const { json } = await post(door, '/v1/jobs', later);
    const stream = await fetch(`${door.url}/v1/jobs/${json.id}/stream`);
    expect(stream.status).toBe(400);
    expect(await stream.json()).toMatchObject({ error: { code: 'invalid_request', param: 'operation' } });
  });
});
