import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { fakeProvider, type FakeProvider, json, LIMITS, MESSAGE } from './fake-provider.fixture.js';

let provider: FakeProvider | undefined;

afterEach(() => provider?.close());

async function answered(answer: (response: ServerResponse) => void, call: Parameters<FakeProvider['chat']>[0] = {}) {
  provider = await fakeProvider(answer);
  return provider.chat(call);
}
const message = (more: object) => json({ ...MESSAGE, ...more });
const USE = { type: 'tool_use', id: 't1', name: 'weather', input: { city: 'Oslo' } };

describe('an answer in one piece', () => {
  test('becomes a completion, with cached tokens in the sum', async () => {
    const usage = { input_tokens: 3, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 1 };
    expect(await answered(message({ usage }))).toMatchObject({
      ok: true,
      servedModel: 'claude-served',
      firstTokenMs: undefined,
      usage: { inputTokens: 10, outputTokens: 1, cachedInputTokens: 5, cacheWriteTokens: 2 },
      answer: {
        id: 'msg_1',
        object: 'chat.completion',
        created: expect.any(Number),
        model: 'claude-served',
        choices: [{ index: 0, message: { role: 'assistant', content: 'hi', refusal: null }, finish_reason: 'stop' }],
        usage: {
          prompt_tokens: 10,
          completion_tokens: 1,
          total_tokens: 11,
          prompt_tokens_details: { cached_tokens: 5 },
        },
      },
    });
  });

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['refusal', 'content_filter'],
  ])('that stopped for %s has finish_reason %s', async (stopReason, finishReason) => {
    const outcome = await answered(message({ stop_reason: stopReason }));
    expect(outcome).toMatchObject({ ok: true, answer: { choices: [{ finish_reason: finishReason }] } });
  });

  test('keeps the words of a refusal apart from content', async () => {
    const content = [{ type: 'text', text: 'I cannot' }];
    const outcome = await answered(message({ content, stop_reason: 'refusal' }));
    expect(outcome).toMatchObject({ answer: { choices: [{ message: { content: null, refusal: 'I cannot' } }] } });
  });

  test('gives tool calls with their arguments as text', async () => {
    const outcome = await answered(message({ content: [USE], stop_reason: 'tool_use' }));
    const call = { id: 't1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
    expect(outcome).toMatchObject({
      answer: { choices: [{ finish_reason: 'tool_calls', message: { content: null, tool_calls: [call] } }] },
    });
  });

  test.each([
    ['a page', (r: ServerResponse) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), 'bad_response'],
    ['nothing', json(''), 'bad_response'],
    ['null', json('null'), 'bad_response'],
    ['cut JSON', json(JSON.stringify(MESSAGE).slice(0, -20)), 'bad_response'],
    ['another kind of JSON', json({ choices: [] }), 'bad_response'],
    ['a message of the wrong shape', message({ content: [{ type: 'text' }] }), 'bad_response'],
    ['no content', message({ content: [] }), 'bad_response'],
    ['a stop for tools, and no tool', message({ stop_reason: 'tool_use' }), 'bad_response'],
    ['no stop reason', message({ stop_reason: null }), 'bad_response'],
    [
      'an error with status 200',
      json({ type: 'error', error: { type: 'overloaded_error', message: 'x' } }),
      'overloaded',
    ],
    ['bytes that are no text', (r: ServerResponse) => r.writeHead(200).end(Buffer.from([0x7b, 0xff])), 'bad_response'],
  ] as const)('that is %s has failed as %s', async (_, answer, failure) => {
    expect(await answered(answer as (response: ServerResponse) => void)).toMatchObject({
      ok: false,
      failure,
      httpStatus: 200,
    });
  });

  test('larger than 32 MB is not read to its end', async () => {
    const outcome = await answered((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        while (response.write('x'.repeat(1024 * 1024)));
      };
      response.on('drain', more);
      more();
    });
    expect(outcome).toMatchObject({
      ok: false,
      failure: 'bad_response',
      message: expect.stringMatching(/larger than/),
    });
  });

  test('that hangs ends at the total limit', async () => {
    const answer = (response: ServerResponse) => response.writeHead(200).write('{');
    const outcome = await answered(answer, { limits: { ...LIMITS, totalMs: 150 } });
    expect(outcome).toMatchObject({ ok: false, failure: 'timeout', deadline: 'total' });
  });
});

describe('a refused call', () => {
  const error = (type: string, text = 'x', more: object = {}) => ({
    type: 'error',
    error: { type, message: text, ...more },
  });

  test.each([
    [400, error('invalid_request_error'), 'bad_request'],
    [400, error('invalid_request_error', 'Your credit balance is too low'), 'quota'],
    [401, error('authentication_error'), 'auth'],
    [402, error('billing_error'), 'quota'],
    [403, error('permission_error'), 'auth'],
    [404, error('not_found_error', 'model: claude-1'), 'model_gone'],
    [413, error('request_too_large'), 'too_large'],
    [429, error('rate_limit_error'), 'rate_limited'],
    [429, error('rate_limit_error', 'x', { details: { error_code: 'enforced_spend_limit_reached' } }), 'quota'],
    [500, error('api_error'), 'server_error'],
    [504, error('timeout_error'), 'timeout'],
    [529, error('overloaded_error'), 'overloaded'],
    [502, '<html>bad gateway</html>', 'server_error'],
    [400, '', 'bad_response'],
  ])('with %i %j is %s', async (status, body, failure) => {
    expect(await answered(json(body, status))).toMatchObject({ ok: false, failure, httpStatus: status });
  });

  test('tells how long to stay away', async () => {
    const outcome = await answered(json(error('rate_limit_error'), 429, { 'retry-after': '7' }));
    expect(outcome).toMatchObject({ failure: 'rate_limited', retryAfterMs: 7_000 });
  });

  test('does not repeat the key', async () => {
    const outcome = await answered(json(error('authentication_error', 'bad key sk-ant-secret'), 401));
    expect(JSON.stringify(outcome)).not.toContain('sk-ant-secret');
  });

  test('for lack of a server is a failed connection', async () => {
    provider = await fakeProvider(json(MESSAGE));
    await provider.close();
    expect(await provider.chat()).toMatchObject({ ok: false, httpStatus: undefined });
  });
});

describe('other operations', () => {
  test('the models of the key are listed', async () => {
    provider = await fakeProvider(
      json({ data: [{ type: 'model', id: 'claude-a' }, { id: 'claude-b' }], has_more: false }),
    );
    expect(await provider.adapter.listModels({ limits: LIMITS })).toMatchObject({
      ok: true,
      answer: [{ id: 'claude-a' }, { id: 'claude-b' }],
    });
    expect(provider.received[0]).toMatchObject({
      path: '/v1/models?limit=1000',
      headers: { 'x-api-key': 'sk-ant-secret', 'anthropic-version': '2023-06-01' },
    });
  });

  test('a bad key is told without a completion', async () => {
    provider = await fakeProvider(json({ type: 'error', error: { type: 'authentication_error', message: 'no' } }, 401));
    expect(await provider.adapter.listModels({ limits: LIMITS })).toMatchObject({ ok: false, failure: 'auth' });
  });

  test('embeddings are declined without a call', async () => {
    provider = await fakeProvider(json({}));
    const outcome = await provider.adapter.embed({ model: 'm', body: { model: 'e', input: 'x' }, limits: LIMITS });
    expect(outcome).toMatchObject({ ok: false, failure: 'unsupported_param' });
    expect(provider.received).toEqual([]);
  });
});
