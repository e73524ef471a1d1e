// Answers in other shapes than words: tool calls, JSON, embeddings; and what is kept of the requests for them.
import { afterAll, beforeAll, expect, it } from 'vitest';
import OpenAI from 'openai';
import { CallLog } from '../call-log.js';
import { ask, eventsOf, startForSpec } from '../simulator.fixture.js';

let simulator: Awaited<ReturnType<typeof startForSpec>>;
const schema = {
  type: 'object',
  properties: {
    mood: { enum: ['calm', 'wild'] },
    items: { type: 'array', items: { $ref: '#/$defs/item' }, minItems: 2 },
  },
  required: ['mood', 'items'],
  $defs: { item: { type: 'object', properties: { at: { type: 'number' } }, required: ['at'] } },
};
const filled = { mood: 'calm', items: [{ at: 1 }, { at: 1 }] };
const tools = [{ type: 'function', function: { name: 'look', parameters: schema } }];

beforeAll(async () => {
  simulator = await startForSpec({
    keepBodies: true,
    script: { latency: { kind: 'fixed', ms: 0 }, providers: { p: {} } },
  });
});
afterAll(() => simulator.close());

it('a tool that tool_choice asks for is called, in a body and in fragments of a stream', async () => {
  const choice = { tools, tool_choice: { type: 'function', function: { name: 'look' } } };
  const [whole] = (await simulator.complete('p', ask('m', choice))).json<any>().choices;
  expect(whole).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
  expect(JSON.parse(whole.message.tool_calls[0].function.arguments)).toEqual(filled);
  const { text } = await simulator.complete('p', ask('m', { ...choice, stream: true }));
  const calls = eventsOf(text)
    .slice(0, -1)
    .flatMap((event) => JSON.parse(event).choices[0].delta.tool_calls ?? []);
  expect(calls[0]).toMatchObject({ id: expect.stringMatching(/^call_/), function: { name: 'look' } });
  expect(calls.length).toBeGreaterThan(3);
  expect(JSON.parse(calls.map((call) => call.function.arguments).join(''))).toEqual(filled);
});

it.each([
  [{ type: 'json_schema', json_schema: { name: 'x', schema } }, filled],
  [{ type: 'json_object' }, {}],
])('response_format %j gets JSON', async (format, expected) => {
  const reply = await simulator.complete('p', ask('m', { response_format: format }));
  expect(JSON.parse(reply.json<OpenAI.ChatCompletion>().choices[0]?.message.content ?? '')).toEqual(expected);
});

it('embeddings are what the official client understands, the same for the same text', async () => {
  const client = new OpenAI({ baseURL: `${simulator.url}/p/v1`, apiKey: 'any', maxRetries: 0 });
  const create = (input: string[]) => client.embeddings.create({ model: 'e', input, dimensions: 16 });
  const { data, usage } = await create(['one', 'two', 'one']);
  expect(data.map(({ embedding }) => embedding.length)).toEqual([16, 16, 16]);
  expect(data[2]?.embedding).toEqual(data[0]?.embedding);
  expect(data[1]?.embedding).not.toEqual(data[0]?.embedding);
  expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1, 5);
  expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
});

it.each([
  [{}, 'input'],
  [{ input: [] }, 'input'],
  [{ input: [''] }, 'input'],
  [{ input: 'x', dimensions: 7 }, 'dimensions'],
])('a request for embeddings with %j is refused, naming the field', async (fields, param) => {
  const reply = await simulator.send('POST', '/p/v1/embeddings', { model: 'e', ...fields });
  expect([reply.status, reply.json<any>().error.param]).toEqual([400, param]);
});

it('embeddings can be fewer, shorter or no numbers than was asked for, in either encoding', async () => {
  const ask = async (encoding_format: string) =>
    (await simulator.send('POST', '/bad/v1/embeddings', { model: 'e', input: ['one', 'two'], encoding_format })).text;
  const bad = async (defect: string) => {
    await simulator.admin('POST', '/faults', { provider: 'bad', fault: { kind: 'bad-vectors', defect } });
    return { plain: await ask('float'), coded: JSON.parse(await ask('base64')).data as { embedding: string }[] };
  };
  await simulator.admin('PUT', '/providers/bad', { models: { e: {} } });
  const lengths = (data: { embedding: string | number[] }[]) => data.map(({ embedding }) => embedding.length);
  const missing = await bad('missing');
  expect([lengths(JSON.parse(missing.plain).data), missing.coded.length]).toEqual([[8], 1]);
  const short = await bad('short');
  expect([lengths(JSON.parse(short.plain).data), lengths(short.coded)]).toEqual([
    [8, 4],
    [44, 24],
  ]);
  const wrong = await bad('not-finite');
  expect(wrong.plain).toContain('[NaN,');
  expect(Buffer.from(wrong.coded[0]!.embedding, 'base64').readFloatLE()).toBeNaN();
});

it('requests are shown as they came, without keys, when the simulator keeps them', async () => {
  await simulator.complete('p', ask('kept'), { authorization: 'Bearer a-secret-key', 'x-own': 'yes' });
  const reply = await simulator.admin('GET', '/calls?model=kept&bodies=1');
  expect(reply.json()).toMatchObject({
    calls: [{ request: { body: ask('kept'), headers: { 'x-own': 'yes', authorization: '[not kept]' } } }],
  });
  expect(reply.text).not.toContain('a-secret-key');
  expect((await simulator.admin('GET', '/calls?model=kept')).text).not.toContain('ping');
});

it('asking for requests that are not kept is refused', async () => {
  const forgetful = await startForSpec();
  const reply = await forgetful.admin('GET', '/calls?bodies=1');
  expect([reply.status, reply.text]).toEqual([400, expect.stringContaining('SIMULATOR_KEEP_BODIES=1')]);
  await forgetful.close();
});

it('names beyond a limit are counted together', () => {
  const log = new CallLog({ maxCounts: 2 });
  const call = { wire: 'openai', operation: 'chat', stream: false, maxTokens: null, promptChars: 0 } as const;
  for (const model of ['a', 'b', 'c', 'd', 'a']) log.open({ provider: 'p', model, ...call }).end(200);
  const totals = Object.values(log.countsByModel()).map((models) => Object.values(models).map(({ total }) => total));
  expect(totals).toEqual([[2, 1], [2]]);
});
