import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { AttemptAbort } from '../attempt-abort.js';
import { createAdapter } from '../create-adapter.js';
import { outgoingBody } from './outgoing-body.js';
import { CALL, LIMITS, sendJson as json, startProvider as provider } from './provider.fixture.js';

const COMPLETION = {
  id: 'c1',
  object: 'chat.completion',
  model: 'served-model',
  system_fingerprint: 'kept',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
};

describe('a good answer', () => {
  test('comes back verbatim, with model and usage read', async () => {
    const { chat } = await provider((_, response) => json(response, 200, COMPLETION));
    const outcome = await chat();
    expect(outcome).toMatchObject({
      ok: true,
      httpStatus: 200,
      servedModel: 'served-model',
      usage: { inputTokens: 3, outputTokens: 1 },
    });
    expect(outcome.ok && outcome.answer).toEqual(COMPLETION);
  });

  test('was asked for with our model, without a stream, and with every other field kept', async () => {
    const { chat, seen } = await provider((_, response) => json(response, 200, COMPLETION), { apiKey: 'secret-key' });
    await chat({
      body: { ...CALL.body, stream: true, stream_options: { include_usage: true }, seed: 7, future_field: { a: 1 } },
    });
    expect(seen.path).toBe('/v1/chat/completions');
    expect(seen.headers.authorization).toBe('Bearer secret-key');
    expect(seen.headers).not.toHaveProperty('traceparent');
    expect(JSON.parse(seen.body)).toEqual({
      model: 'm',
      messages: CALL.body.messages,
      stream: false,
      seed: 7,
      future_field: { a: 1 },
    });
  });

  test.each([
    ['max_tokens', 'max_completion_tokens'],
    ['max_completion_tokens', 'max_tokens'],
  ] as const)('was asked for with %s also when the caller wrote %s', async (field, written) => {
    const body = outgoingBody({ ...CALL, body: { ...CALL.body, [written]: 9 } }, field);
    expect(body).toMatchObject({ [field]: 9 });
    expect(body).not.toHaveProperty(written);
    expect(outgoingBody({ ...CALL, body: { ...CALL.body, [field]: 9 } }, field)).toMatchObject({ [field]: 9 });
    expect(outgoingBody(CALL, field)).not.toHaveProperty(field);
  });

  test('may begin with blank lines, as from a provider that queues', async () => {
    const { chat } = await provider((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('\n\n');
      response.end(JSON.stringify(COMPLETION));
    });
    expect(await chat()).toMatchObject({ ok: true });
  });

  test('may consist of tool calls alone', async () => {
    const choice = {
      index: 0,
      message: { content: null, tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{}' } }] },
      finish_reason: 'tool_calls',
    };
    const { chat } = await provider((_, response) => json(response, 200, { ...COMPLETION, choices: [choice] }));
    expect(await chat()).toMatchObject({ ok: true });
  });
});

describe('an answer that is none', () => {
  test.each([
    ['a page of HTML', '<html>login</html>', 'bad_response'],
    ['nothing', '', 'bad_response'],
    ['null', 'null', 'bad_response'],
    ['half of its JSON', JSON.stringify(COMPLETION).slice(0, 60), 'bad_response'],
    ['no choices', { ...COMPLETION, choices: [] }, 'bad_response'],
    [
      'an empty message',
      { ...COMPLETION, choices: [{ index: 0, message: { content: '' }, finish_reason: 'stop' }] },
      'bad_response',
    ],
    [
      'a nesting that nobody can write',
      `{"id":"x","choices":[{"message":{"content":"hi"}}],"deep":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      'bad_response',
    ],
    ['an error inside a 200', { error: { code: 503, message: 'busy' } }, 'overloaded'],
    [
      'a failed finish',
      { ...COMPLETION, choices: [{ message: { content: 'x' }, finish_reason: 'insufficient_system_resource' }] },
      'server_error',
    ],
  ])('is a failure: %s', async (_what, body, failure) => {
    const { chat } = await provider((_, response) => json(response, 200, body));
    expect(await chat()).toMatchObject({ ok: false, failure, httpStatus: 200 });
  });

  test('keeps what was generated out of the message', async () => {
    const { chat } = await provider((_, response) =>
      json(response, 200, '{"choices":[{"message":{"content":"private words'),
    );
    const outcome = await chat();
    expect(outcome.ok ? '' : outcome.message).not.toContain('private words');
  });

  test('is a failure when it is not UTF-8', async () => {
    const { chat } = await provider((_, response) =>
      response.writeHead(200).end(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
    );
    expect(await chat()).toMatchObject({
      ok: false,
      failure: 'bad_response',
      message: expect.stringContaining('UTF-8'),
    });
  });

  test('is given up when it grows beyond all bounds', async () => {
    const { chat, seen } = await provider((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const block = Buffer.alloc(4 * 1024 * 1024, 32);
      const more = () => {
        while (!response.destroyed && response.write(block));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await chat({ limits: { ...LIMITS, totalMs: 15_000 } })).toMatchObject({
      ok: false,
      failure: 'bad_response',
      message: expect.stringContaining('larger than'),
    });
    await expect.poll(() => seen.closedEarly).toBe(true);
  });
});

describe('an error', () => {
  test('carries the wait that the provider asks for', async () => {
    const { chat } = await provider((_, response) =>
      json(
        response,
        429,
        { error: { type: 'requests', code: 'rate_limit_exceeded', message: 'slow down' } },
        { 'retry-after': '2' },
      ),
    );
    expect(await chat()).toMatchObject({
      ok: false,
      failure: 'rate_limited',
      retryAfterMs: 2000,
      message: 'slow down',
    });
  });

  test('never repeats the key', async () => {
    const { chat } = await provider(
      (_, response) => json(response, 401, { error: { message: 'bad key my-odd-key!' } }),
      { apiKey: 'my-odd-key!' },
    );
    expect(await chat()).toMatchObject({ ok: false, failure: 'auth', message: 'bad key [redacted]' });
  });

  test('is a redirect too: it is not followed', async () => {
    const { chat } = await provider((_, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    );
    expect(await chat()).toMatchObject({ ok: false, failure: 'bad_response', httpStatus: 302 });
  });
});

describe('a call that gets no answer', () => {
  test.each([
    ['headers never come', () => undefined],
    ['the body stalls', (_: unknown, response: ServerResponse) => void response.writeHead(200).write('{"id"')],
  ])('ends at its timeout when %s, and closes the connection', async (_what, handler) => {
    const { chat, seen } = await provider(handler);
    const outcome = await chat({ limits: { ...LIMITS, totalMs: 150 } });
    expect(outcome).toMatchObject({ ok: false, failure: 'timeout', message: 'no whole answer within 150 ms' });
    await expect.poll(() => seen.closedEarly).toBe(true);
  });

  test('is a connection failure when the socket breaks', async () => {
    const { chat } = await provider((request) => request.socket.destroy());
    expect(await chat()).toMatchObject({ ok: false, failure: 'connection', httpStatus: undefined });
  });

  test('is a connection failure when nobody listens', async () => {
    const { chat, stopServer } = await provider(() => undefined);
    stopServer();
    expect(await chat()).toMatchObject({ ok: false, failure: 'connection' });
  });

  test('is a matter of DNS when the host does not exist', async () => {
    const adapter = createAdapter({
      name: 'p',
      kind: 'openai-compatible',
      baseUrl: 'http://nowhere.invalid/v1',
      headers: {},
      maxConnections: 1,
    });
    const outcome = await adapter.chat(CALL);
    await adapter.close();
    // A machine without any resolver says EAI_AGAIN, which is a network that is down.
    expect(outcome.ok ? 'ok' : outcome.failure).toMatch(/^(dns_tls|connection)$/);
  });

  test.each([
    ['caller', 'cancelled'],
    ['shutdown', 'shutdown'],
  ] as const)('is nobody’s fault when the %s ends it', async (kind, failure) => {
    const { chat, seen } = await provider(() => undefined);
    const controller = new AbortController();
    const outcome = chat({ signal: controller.signal });
    await expect.poll(() => seen.body).not.toBe('');
    controller.abort(new AttemptAbort(kind));
    expect(await outcome).toMatchObject({ ok: false, failure });
    await expect.poll(() => seen.closedEarly).toBe(true);
  });
});
