import { SLACK_MS } from '#libs/testing';
import { UnderstudyError, type ErrorCode } from '#libs/contracts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { answerTo, startGateway, type GatewaySetup, type GatewayUnderTest } from './gateway.fixture.js';

const running: GatewayUnderTest[] = [];
const gateway = async (setup: GatewaySetup = {}) => {
  const started = await startGateway(setup);
  running.push(started);
  return started;
};
afterEach(() => Promise.all(running.splice(0).map((started) => started.stop())));

const body = { model: 'gpt-4', messages: [{ role: 'user', content: 'ping' }] };

interface Reply {
  status: number;
  headers: Headers;
  json: any;
}

async function send({ url }: { url: string }, path: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url + path, init);
  const text = await response.text();
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  return { status: response.status, headers: response.headers, json: text && !isStream ? JSON.parse(text) : undefined };
}

const chat = (to: { url: string }, content: unknown = body, headers: Record<string, string> = {}) =>
  send(to, '/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof content === 'string' ? content : JSON.stringify(content),
  });

describe('POST /v1/chat/completions', () => {
  it('answers with the provider’s response, every field of it, and who gave it', async () => {
    const door = await gateway({ script: answerTo });
    const { status, headers, json } = await chat(door);
    expect(status).toBe(200);
    expect(json).toMatchObject({ id: 'chatcmpl-1', model: 'gpt-4-0613', field_of_tomorrow: { kept: true } });
    expect(json.choices[0].message.content).toBe('pong');
    expect(json.understudy).toMatchObject({ target: 'a/gpt-4', attempts: [{ number: 1, outcome: 'success' }] });
    expect(headers.get('x-understudy-job-id')).toBe(json.understudy.jobId);
    expect(headers.get('x-understudy-target')).toBe('a/gpt-4');
    expect(headers.get('x-understudy-attempts')).toBe('1');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('enqueues the body without our own field, which becomes the routing of the job', async () => {
    const door = await gateway({ script: answerTo });
    await chat(
      door,
      { ...body, seed: 7, understudy: { routing: { fallbacks: ['b/y'] }, tenant: 'search' } },
      { 'x-understudy-preferred': 'a/x', 'x-understudy-timeout-ms': '5000' },
    );
    expect(door.jobs).toEqual([
      {
        request: { ...body, seed: 7 },
        routing: { preferred: 'a/x', fallbacks: ['b/y'] },
        tenant: 'search',
        deadlineMs: 4_500,
        replyTo: expect.stringContaining(door.prefix),
      },
    ]);
  });

  it('takes JSON that curl calls a form', async () => {
    const door = await gateway({ script: answerTo });
    const { status } = await chat(door, body, { 'content-type': 'application/x-www-form-urlencoded' });
    expect(status).toBe(200);
  });

  it.each([
    [
      'not JSON',
      '{"model": "gpt-4", "messages": [{"role": "user", "content": "my secret prompt"}',
      400,
      null,
      /not valid JSON/,
    ],
    ['no body', '', 400, null, /no body/],
    ['a list', '[]', 400, null, /not valid/],
    ['no messages', { model: 'gpt-4' }, 400, 'messages', /messages/],
    ['a message without a role', { ...body, messages: [{ content: 'x' }] }, 400, 'messages[0].role', /role/],
    ['a wish for a stream that is none', { ...body, stream: 'yes' }, 400, 'stream', /boolean/],
    ['several answers', { ...body, n: 3 }, 400, 'n', /only n = 1/],
    ['a wrong temperature', { ...body, temperature: 'hot' }, 400, 'temperature', /temperature/],
    ['a wrong routing', { ...body, understudy: { routing: { pin: 1 } } }, 400, 'understudy.routing.pin', /pin/],
  ])('refuses %s before anything is enqueued, naming what is wrong', async (_what, content, status, param, message) => {
    const door = await gateway({ script: answerTo });
    const reply = await chat(door, content);
    expect(reply.status).toBe(status);
    expect(reply.json.error).toMatchObject({ type: 'invalid_request_error', param, code: 'invalid_request' });
    expect(reply.json.error.message).toMatch(message);
    expect(JSON.stringify(reply.json)).not.toContain('secret prompt');
    expect(door.jobs).toEqual([]);
  });

  it('refuses a model that no router serves with 404, and lists those that are', async () => {
    const door = await gateway({ catalog: ['gpt-4', 'auto'] });
    const { status, json } = await chat(door, { ...body, model: 'gpt-5000' });
    expect(status).toBe(404);
    expect(json.error).toMatchObject({ param: 'model', code: 'model_not_found' });
    expect(json.error.message).toMatch(/gpt-5000.*auto, gpt-4/);
  });

  it('refuses 5 MB with 413 and both numbers, announced or not, and goes on answering', async () => {
    const door = await gateway({ script: answerTo, maxRequestBytes: 1_048_576 });
    const large = JSON.stringify({ ...body, messages: [{ role: 'user', content: 'x'.repeat(5 * 1024 * 1024) }] });
    const announced = await chat(door, large);
    expect(announced.status).toBe(413);
    expect(announced.json.error.message).toMatch(new RegExp(`1048576.*${large.length}`));
    const chunks = new ReadableStream({
      start(controller) {
        const bytes = new TextEncoder().encode(large);
        for (let at = 0; at < bytes.length; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536));
        controller.close();
      },
    });
    const chunked = await send(door, '/v1/chat/completions', {
      method: 'POST',
      body: chunks,
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect(chunked.json.error.code).toBe('payload_too_large');
    expect((await chat(door)).status).toBe(200);
  });

  it('takes a body of exactly the limit, whatever it says of the job; one byte more is refused with both sizes', async () => {
    const door = await gateway({ script: answerTo, maxRequestBytes: 2_000 });
    const sized = (bytes: number, more: object = {}) => {
      const asked = { ...body, ...more, user: '' };
      return JSON.stringify({ ...asked, user: 'x'.repeat(bytes - JSON.stringify(asked).length) });
    };
    expect((await chat(door, sized(2_000))).status).toBe(200);
    expect((await chat(door, sized(2_000, { stream: true }))).status).toBe(200);
    expect((await chat(door, sized(2_000), { 'x-understudy-tenant': 't'.repeat(100) })).status).toBe(200);
    expect((await chat(door, sized(2_000, { understudy: { tenant: 'team-a' } }))).status).toBe(200);
    const refused = await chat(door, sized(2_001));
    expect(refused.status).toBe(413);
    expect(refused.json.error.message).toMatch(/2000 bytes.*2001 bytes/);
  });

  it('takes a body that is larger than the web framework’s own limit', async () => {
    const door = await gateway({ script: answerTo, maxRequestBytes: 1_048_576 });
    const { status } = await chat(door, { ...body, messages: [{ role: 'user', content: 'x'.repeat(500_000) }] });
    expect(status).toBe(200);
  });

  it.each([
    ['request_rejected', 422],
    ['all_targets_failed', 502],
    ['no_target_available', 503],
    ['deadline_exceeded', 504],
    ['internal_error', 500],
  ] as [ErrorCode, number][])('tells a job’s %s as %i', async (code, status) => {
    const nextAvailableAt = Date.now() + 60_000;
    const door = await gateway({
      script: (_job, jobId) => ({
        status: 'failed',
        error: new UnderstudyError(code, 'the reason', { jobId, providerStatus: 422, nextAvailableAt }).toJSON(),
      }),
    });
    const reply = await chat(door);
    expect(reply.status).toBe(status);
    expect(reply.json.error).toMatchObject({ message: 'the reason', code });
    expect(reply.headers.get('x-understudy-job-id')).toBeTruthy();
    if (status === 503) expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(55);
  });

  it('gives up after the timeout that the caller set, with the id of the job', async () => {
    const door = await gateway();
    const reply = await chat(door, body, { 'x-understudy-timeout-ms': '300' });
    expect(reply.status).toBe(504);
    expect(reply.json.error.code).toBe('result_timeout');
    expect(reply.headers.get('x-understudy-job-id')).toMatch(/[0-9a-f-]{36}/);
  });

  it('stops waiting when the caller hangs up, and logs nothing about it', async () => {
    const door = await gateway();
    const hangUp = new AbortController();
    const request = send(door, '/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify(body),
      signal: hangUp.signal,
    });
    await vi.waitFor(() => expect(door.jobs).toHaveLength(1));
    hangUp.abort();
    await expect(request).rejects.toThrow(/aborted/);
    // Stopping waits for requests in hand: it would take the two minutes of the default timeout.
    await door.service.stop();
    expect(door.lines.join('')).not.toContain('gateway.failed');
  });

  it('tells that the queue cannot be reached in well under a second, without credentials', async () => {
    const door = await gateway({ redisUrl: 'redis://user:s3cret-word@127.0.0.1:1' });
    const started = performance.now();
    const reply = await chat(door);
    expect(performance.now() - started).toBeLessThan(1_000 + SLACK_MS);
    expect(reply.status).toBe(503);
    expect(reply.json.error.code).toBe('queue_unavailable');
    expect(reply.headers.get('retry-after')).toBe('5');
    expect(JSON.stringify(reply.json) + door.lines.join('')).not.toContain('s3cret-word');
    expect(await send(door, '/health')).toMatchObject({ status: 503, json: { status: 'unavailable' } });
    expect(await send(door, '/ready')).toMatchObject({ status: 503, json: { waitingFor: ['redis'] } });
  });

  it('refuses a stream with 503 and a time to come back while the queue cannot be reached', async () => {
    const door = await gateway({ redisUrl: 'redis://127.0.0.1:1' });
    const reply = await chat(door, { ...body, stream: true });
    expect(reply).toMatchObject({ status: 503, json: { error: { code: 'queue_unavailable' } } });
    expect(reply.headers.get('retry-after')).toBe('5');
    expect(reply.headers.get('content-type')).toContain('application/json');
  });

  it.each(['GET', 'PUT', 'DELETE'])('refuses %s with 405 and says what is allowed', async (method) => {
    const door = await gateway();
    const reply = await send(door, '/v1/chat/completions', { method });
    expect(reply.status).toBe(405);
    expect(reply.headers.get('allow')).toBe('POST');
    expect(reply.json.error.code).toBe('method_not_allowed');
  });

  it('never logs what was asked', async () => {
    const door = await gateway({ script: answerTo });
    await chat(door, { ...body, messages: [{ role: 'user', content: 'a-very-private-prompt' }] });
    await chat(door, { ...body, messages: 'a-very-private-prompt' });
    expect(door.lines.join('')).not.toContain('a-very-private-prompt');
  });
});

describe('the other doors', () => {
  it('GET /v1/models lists what the routers announced, in OpenAI’s shape', async () => {
    const door = await gateway({ catalog: ['gpt-4', 'fast'] });
    const { json } = await send(door, '/v1/models');
    expect(json.object).toBe('list');
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual(['fast', 'gpt-4']);
    expect(json.data[0]).toEqual({ id: 'fast', object: 'model', created: expect.any(Number), owned_by: 'understudy' });
  });

  it('GET /v1/models lists what is configured as long as no router has announced anything', async () => {
    const door = await gateway();
    const { json } = await send(door, '/v1/models');
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual(['gpt-4', 'org/big-model', 'auto']);
  });

  it('GET /v1/models/:id tells of one model, also of one with a slash, and 404 of none', async () => {
    const door = await gateway();
    expect(await send(door, '/v1/models/org%2Fbig-model')).toMatchObject({
      status: 200,
      json: { id: 'org/big-model' },
    });
    expect(await send(door, '/v1/models/gpt-5000')).toMatchObject({
      status: 404,
      json: { error: { code: 'model_not_found' } },
    });
  });

  it('GET /health says that requests are taken in', async () => {
    const door = await gateway();
    expect(await send(door, '/health')).toMatchObject({ status: 200, json: { status: 'healthy', models: 3 } });
  });

  it('an unknown URL is told as 404 in OpenAI’s shape, without its query', async () => {
    const door = await gateway();
    const { status, json } = await send(door, '/v1/engines?api_key=abc');
    expect(status).toBe(404);
    expect(json.error).toMatchObject({ code: 'unknown_url', type: 'invalid_request_error' });
    expect(json.error.message).not.toContain('abc');
    expect(json.error.message).toContain('/v1/chat/completions, /v1/embeddings, /v1/jobs and /v1/models');
  });
});

describe('keys', () => {
  const keys = ['the-first-of-two-keys', 'the-second-of-two-keys'];

  it.each(keys)('%s opens the door', async (key) => {
    const door = await gateway({ keys, script: answerTo });
    expect((await chat(door, body, { authorization: `Bearer ${key}` })).status).toBe(200);
  });

  it.each([
    ['no key', undefined],
    ['a wrong key', 'Bearer the-third-of-two-keys'],
    ['a part of a key', 'Bearer the-first-of-two'],
    ['a key without Bearer', 'the-first-of-two-keys'],
  ])('%s is told 401 in OpenAI’s shape, and the key is not repeated', async (_what, authorization) => {
    const door = await gateway({ keys, script: answerTo });
    const reply = await chat(door, body, authorization ? { authorization } : {});
    expect(reply.status).toBe(401);
    expect(reply.json.error.code).toBe('invalid_api_key');
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    expect(JSON.stringify(reply.json) + door.lines.join('')).not.toMatch(/-of-two/);
    expect(door.jobs).toEqual([]);
  });

  it('guard the list of models as well, but not the probes of whoever runs the gateway', async () => {
    const door = await gateway({ keys });
    expect((await send(door, '/v1/models')).status).toBe(401);
    expect((await send(door, '/v1/nothing')).status).toBe(401);
    expect((await send(door, '/live')).status).toBe(200);
    await vi.waitFor(async () => expect((await send(door, '/ready')).status).toBe(200));
    expect((await send(door, '/health')).status).toBe(200);
  });
});
