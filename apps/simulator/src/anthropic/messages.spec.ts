import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, startForSpec } from '../simulator.fixture.js';

let simulator: Awaited<ReturnType<typeof startForSpec>>;
const VERSION = { 'anthropic-version': '2023-06-01' };
const tools = [
  {
    name: 'weather',
    input_schema: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city', 'days'],
    },
  },
];

beforeAll(async () => {
  simulator = await startForSpec({
    script: {
      latency: { kind: 'fixed', ms: 0 },
      providers: { p: { models: { m: {} } }, keyed: { models: { m: {} }, apiKey: 'right-key' } },
    },
  });
});
afterAll(() => simulator.close());

const send = (fields: object = {}, headers: object = VERSION, provider = 'p') =>
  simulator.send('POST', `/${provider}/v1/messages`, ask('m', { max_tokens: 3, ...fields }), headers);
const dataOf = (text: string): any[] =>
  text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? ''));

it('a message has the shape, the stop reason and the usage of one', async () => {
  const { json, headers } = await send();
  expect(json()).toEqual({
    id: expect.stringMatching(/^msg_/),
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: expect.stringMatching(/^\w+ \w+ \w+$/) }],
    stop_reason: 'max_tokens',
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  });
  expect(headers['request-id']).toMatch(/^req_/);
  expect((await send({ max_tokens: 9_999 })).json()).toMatchObject({ stop_reason: 'end_turn' });
});

it('a stream has its events in order, and says what the body says', async () => {
  const { text } = await send({ stream: true });
  const events = dataOf(text);
  expect(events.map(({ type }) => type)).toEqual([
    'message_start',
    'content_block_start',
    'ping',
    ...Array(3).fill('content_block_delta'),
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
  expect(text.match(/^event: .*/gm)).toEqual(events.map(({ type }) => `event: ${type}`));
  expect(events[0].message.usage.input_tokens).toBe(1);
  expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 3 } });
  const streamed = events.map((event) => event.delta?.text ?? '').join('');
  expect(streamed).toBe((await send()).json<any>().content[0].text);
});

it.each([
  ['any', { tool_choice: { type: 'any' } }],
  ['by its name', { tool_choice: { type: 'tool', name: 'weather' } }],
  ['in the prompt', { messages: [{ role: 'user', content: 'Please use the tool.' }] }],
])('a tool that is asked for (%s) is used', async (_title, fields) => {
  const input = { city: 'bow', days: 1 };
  expect((await send({ tools, ...fields })).json()).toMatchObject({
    content: [{ type: 'tool_use', id: expect.stringMatching(/^toolu_/), name: 'weather', input }],
    stop_reason: 'tool_use',
  });
  const events = dataOf((await send({ tools, ...fields, stream: true })).text);
  expect(events[1].content_block).toMatchObject({ type: 'tool_use', name: 'weather', input: {} });
  const fragments = events.flatMap(({ delta }) => (delta?.type === 'input_json_delta' ? [delta.partial_json] : []));
  expect(fragments.length).toBeGreaterThan(1);
  expect(JSON.parse(fragments.join(''))).toEqual(input);
});

it('output_config makes the answer JSON of its schema', async () => {
  const format = { type: 'json_schema', schema: tools[0]?.input_schema };
  const { content } = (await send({ max_tokens: 99, output_config: { format } })).json<any>();
  expect(JSON.parse(content[0].text)).toEqual({ city: 'bow', days: 1 });
});

it.each([
  ['no version', {}, {}, 400, 'invalid_request_error', 'anthropic-version'],
  ['no token limit', { max_tokens: undefined }, VERSION, 400, 'invalid_request_error', 'max_tokens'],
  ['no messages', { messages: [] }, VERSION, 400, 'invalid_request_error', 'messages'],
  ['an unknown model', { model: 'x' }, VERSION, 404, 'not_found_error', 'x'],
])('%s is refused in the shape of the wire', async (_title, fields, headers, status, type, message) => {
  const reply = await send(fields, headers);
  expect([reply.status, reply.json()]).toEqual([
    status,
    {
      type: 'error',
      error: { type, message: expect.stringContaining(message) },
      request_id: reply.headers['request-id'],
    },
  ]);
});

it('the key is taken as x-api-key and as a bearer token', async () => {
  const keys = [{ 'x-api-key': 'wrong' }, { 'x-api-key': 'right-key' }, { authorization: 'Bearer right-key' }];
  const replies = await Promise.all(keys.map((key) => send({}, { ...VERSION, ...key }, 'keyed')));
  expect(replies.map(({ status }) => status)).toEqual([401, 200, 200]);
  expect(replies[0]?.json()).toMatchObject({ error: { type: 'authentication_error' } });
});

it.each([
  [402, 'billing_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [500, 'api_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
])('status %i has the type %s', async (status, type) => {
  const fault = { kind: 'status', status, code: 'enforced_spend_limit_reached' };
  await simulator.admin('POST', '/faults', { provider: 'p', fault, forRequests: 1 });
  const reply = await send();
  expect([reply.status, reply.json()]).toMatchObject([
    status,
    { error: { type, details: { error_code: 'enforced_spend_limit_reached' } } },
  ]);
});

it('the list of models is in the shape of the wire', async () => {
  expect((await simulator.send('GET', '/p/v1/models', undefined, VERSION)).json()).toEqual({
    data: [{ type: 'model', id: 'm', display_name: 'm', created_at: expect.any(String) }],
    has_more: false,
    first_id: 'm',
    last_id: 'm',
  });
});
