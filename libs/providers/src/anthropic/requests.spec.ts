import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CompletionRequest } from '#libs/contracts';
import { fakeProvider, type FakeProvider, json, MESSAGE } from './fake-provider.fixture.js';

let provider: FakeProvider;

beforeEach(async () => {
  provider = await fakeProvider(json(MESSAGE));
});
afterEach(() => provider.close());

type Body = Omit<CompletionRequest, 'model'>;
const USER = { role: 'user', content: 'hi' };
const SENT_USER = { role: 'user', content: [{ type: 'text', text: 'hi' }] };
const WEATHER = {
  name: 'weather',
  description: 'of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
};
const TOOLS = [{ type: 'function', function: WEATHER }];
const SENT_TOOLS = [{ name: 'weather', description: 'of a city', input_schema: WEATHER.parameters }];
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
const CALL = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };

/** What arrives at the provider for `body`, without what every request has. */
async function sent(body: Body, model = 'claude-sonnet-4-6', more = {}) {
  const outcome = await provider.chat({ body: { model: 'asked', ...body } as CompletionRequest, model, ...more });
  const { max_tokens: maxTokens, ...rest } = provider.received[0]?.body ?? {};
  return { outcome, maxTokens, body: rest };
}

describe('a request', () => {
  test.each<[string, Body, object]>([
    ['a text', { messages: [USER] }, { messages: [SENT_USER] }],
    [
      'system and developer messages, wherever they stood',
      {
        messages: [{ role: 'system', content: 'Be kind.' }, USER, { role: 'developer', content: 'Be brief.' }],
      },
      {
        system: [
          { type: 'text', text: 'Be kind.' },
          { type: 'text', text: 'Be brief.' },
        ],
        messages: [SENT_USER],
      },
    ],
    [
      'images by data URL and by address',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'see' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
              { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } },
            ],
          },
        ],
      },
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'see' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
              { type: 'image', source: { type: 'url', url: 'https://example.com/cat.jpg' } },
            ],
          },
        ],
      },
    ],
    [
      'a round of parallel tool calls, with its results in one message',
      {
        messages: [
          USER,
          { role: 'assistant', content: null, tool_calls: [CALL, { ...CALL, id: 'c2' }] },
          { role: 'tool', tool_call_id: 'c1', content: 'rain' },
          { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'sun' }] },
        ],
        tools: TOOLS,
      },
      {
        messages: [
          SENT_USER,
          {
            role: 'assistant',
            content: [
              { type: 'tool_use', id: 'c1', name: 'weather', input: { city: 'Oslo' } },
              { type: 'tool_use', id: 'c2', name: 'weather', input: { city: 'Oslo' } },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'c1', content: 'rain' },
              { type: 'tool_result', tool_use_id: 'c2', content: [{ type: 'text', text: 'sun' }] },
            ],
          },
        ],
        tools: SENT_TOOLS,
      },
    ],
    [
      'the beginning of an answer',
      { messages: [USER, { role: 'assistant', content: '{"a":' }] },
      { messages: [SENT_USER, { role: 'assistant', content: [{ type: 'text', text: '{"a":' }] }] },
    ],
    [
      'signed thinking of an earlier turn',
      {
        messages: [
          USER,
          { role: 'assistant', content: 'ok', thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 's' }] },
          USER,
        ],
      },
      {
        messages: [
          SENT_USER,
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'hm', signature: 's' },
              { type: 'text', text: 'ok' },
            ],
          },
          SENT_USER,
        ],
      },
    ],
    [
      'marks for the cache',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'long', cache_control: { type: 'ephemeral' } }] }] },
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'long', cache_control: { type: 'ephemeral' } }] }] },
    ],
    [
      'a tool choice of auto',
      { messages: [USER], tools: TOOLS, tool_choice: 'auto' },
      { tool_choice: { type: 'auto' } },
    ],
    ['of none', { messages: [USER], tools: TOOLS, tool_choice: 'none' }, { tool_choice: { type: 'none' } }],
    ['of required', { messages: [USER], tools: TOOLS, tool_choice: 'required' }, { tool_choice: { type: 'any' } }],
    [
      'of one function',
      { messages: [USER], tools: TOOLS, tool_choice: { type: 'function', function: { name: 'weather' } } },
      { tool_choice: { type: 'tool', name: 'weather' } },
    ],
    [
      'one tool call at a time',
      { messages: [USER], tools: TOOLS, parallel_tool_calls: false },
      { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    ],
    [
      'JSON by a schema',
      {
        messages: [USER],
        response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: SCHEMA } },
      },
      { output_config: { format: { type: 'json_schema', schema: SCHEMA } } },
    ],
    ['stop words', { messages: [USER], stop: ['END'] }, { stop_sequences: ['END'] }],
    ['a stop word', { messages: [USER], stop: 'END' }, { stop_sequences: ['END'] }],
    ['effort', { messages: [USER], reasoning_effort: 'minimal' }, { output_config: { effort: 'low' } }],
    ['the user', { messages: [USER], user: 'u1' }, { metadata: { user_id: 'u1' } }],
    ['top_p', { messages: [USER], top_p: 0.5 }, { top_p: 0.5 }],
  ])('carries %s', async (_, body, expected) => {
    const { outcome, body: arrived } = await sent(body);
    expect(arrived).toMatchObject({ model: 'claude-sonnet-4-6', ...expected });
    expect(outcome).toMatchObject({ ok: true });
    expect(outcome).not.toHaveProperty('droppedSettings');
  });

  test('asks for the caller\u2019s number of tokens, and for an ordinary answer when the caller names none', async () => {
    expect((await sent({ messages: [USER], max_completion_tokens: 16 })).maxTokens).toBe(16);
    provider.received.length = 0;
    expect((await sent({ messages: [USER] })).maxTokens).toBe(4096);
  });

  test('has the target\u2019s changes made before it is translated', async () => {
    const changes = { rename: { limit: 'max_tokens' }, drop: ['user'], set: { stop: ['X'] } };
    const { body, maxTokens } = await sent({ messages: [USER], limit: 9, user: 'u' }, 'claude-sonnet-4-6', { changes });
    expect(maxTokens).toBe(9);
    expect(body).toMatchObject({ stop_sequences: ['X'] });
    expect(body).not.toHaveProperty('metadata');
  });

  test('names the settings that could not be sent, and no others', async () => {
    const { outcome } = await sent({
      messages: [USER],
      seed: 0,
      logit_bias: { 1: 2 },
      presence_penalty: 0.5,
      service_tier: 'flex',
      temperature: 1.7,
      n: 1,
      logprobs: false,
      store: false,
      frequency_penalty: 0,
      metadata: {},
      response_format: { type: 'json_object' },
    });
    expect(outcome.ok && outcome.droppedSettings?.toSorted()).toEqual(
      ['logit_bias', 'presence_penalty', 'response_format', 'seed', 'service_tier', 'temperature'].toSorted(),
    );
    expect(provider.received[0]?.body).toMatchObject({ temperature: 1 });
  });

  test.each<[string, Body, string, RegExp]>([
    ['audio', { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'unsupported_param', /\[0\]\.type/],
    ['an unknown role', { messages: [{ role: 'critic', content: 'x' }] }, 'unsupported_param', /messages\[0\]\.role/],
    ['a foreign tool', { messages: [USER], tools: [{ type: 'web_search' }] }, 'unsupported_param', /tools\[0\]\.type/],
    [
      'an image without address',
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'bad_request',
      /image_url/,
    ],
    ['a tool result without its call', { messages: [{ role: 'tool', content: 'x' }] }, 'bad_request', /tool_call_id/],
    [
      'tool arguments that are no JSON',
      { messages: [USER, { role: 'assistant', tool_calls: [{ ...CALL, function: { name: 'f', arguments: '{' } }] }] },
      'bad_request',
      /arguments must be a JSON object/,
    ],
  ])('with %s fails without a call, and says where', async (_, body, failure, message) => {
    const { outcome } = await sent(body);
    expect(outcome).toMatchObject({
      ok: false,
      failure,
      message: expect.stringMatching(message),
      httpStatus: undefined,
    });
    expect(provider.received).toEqual([]);
  });
});

test('a call goes to /messages with the key and the version', async () => {
  await provider.chat();
  expect(provider.received[0]).toMatchObject({
    path: '/v1/messages',
    headers: { 'x-api-key': 'sk-ant-secret', 'anthropic-version': '2023-06-01', 'content-type': 'application/json' },
  });
});

test('headers of the configuration replace those of the library', async () => {
  await provider.close();
  const headers = { 'Anthropic-Version': '2026-10-21', Authorization: 'Bearer relay' };
  provider = await fakeProvider(json(MESSAGE), { headers });
  await provider.chat();
  expect(provider.received[0]?.headers).toMatchObject({
    'anthropic-version': '2026-10-21',
    authorization: 'Bearer relay',
  });
  expect(provider.received[0]?.headers).not.toHaveProperty('x-api-key');
});
