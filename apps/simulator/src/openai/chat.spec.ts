import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, eventsOf, startForSpec } from '../simulator.fixture.js';

let simulator: Awaited<ReturnType<typeof startForSpec>>;
const instant = { kind: 'fixed', ms: 0 } as const;

beforeAll(async () => {
  simulator = await startForSpec({
    script: {
      latency: instant,
      providers: {
        open: { models: { 'gpt-4': {}, 'vendor/small': null } },
        keyed: { models: { 'gpt-4': {} }, apiKey: 'right-key' },
        slow: { models: { m: { latency: { kind: 'fixed', ms: 80, perTokenMs: 5 } } } },
      },
    },
  });
});
afterAll(() => simulator.close());

describe('a completion', () => {
  it('has the shape of a chat completion', async () => {
    const reply = await simulator.complete('open', ask('gpt-4'));
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.closeTo(Date.now() / 1000, -2),
      model: 'gpt-4',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: expect.stringMatching(/^\w+( \w+){23}$/), refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 24, total_tokens: 25 },
    });
  });

  it('says the same to the same question, and something else to another', async () => {
    const contents = await Promise.all(
      ['ping', 'ping', 'pong'].map(async (content) => {
        const reply = await simulator.complete('open', ask('gpt-4', { messages: [{ role: 'user', content }] }));
        return reply.json<OpenAI.ChatCompletion>().choices[0]?.message.content;
      }),
    );
    expect(contents[1]).toBe(contents[0]);
    expect(contents[2]).not.toBe(contents[0]);
  });

  it.each([
    ['max_tokens', { max_tokens: 5 }, 5],
    ['max_completion_tokens', { max_completion_tokens: 300, max_tokens: 5 }, 300],
    ['a limit beyond what the simulator writes', { max_tokens: 100_000 }, 4_096],
  ])('is as long as %s allows', async (_title, limit, tokens) => {
    const { choices, usage } = (await simulator.complete('open', ask('gpt-4', limit))).json<OpenAI.ChatCompletion>();
    expect(usage?.completion_tokens).toBe(tokens);
    expect(choices[0]?.message.content?.split(' ')).toHaveLength(tokens);
    expect(choices[0]?.finish_reason).toBe(tokens === 4_096 ? 'stop' : 'length');
  });

  it('counts a prompt of several messages and parts at four characters a token', async () => {
    const messages = [
      { role: 'system', content: 'x'.repeat(30) },
      { role: 'user', content: [{ type: 'text', text: 'y'.repeat(11) }, { type: 'image_url' }] },
    ];
    const { usage } = (
      await simulator.complete('open', ask('vendor/small', { messages }))
    ).json<OpenAI.ChatCompletion>();
    expect(usage?.prompt_tokens).toBe(11);
  });

  it('takes its latency, and its time per token', async () => {
    const startedMs = performance.now();
    await simulator.complete('slow', ask('m', { max_tokens: 10 }));
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(128);
  });
});

describe('a stream', () => {
  it('is role, one delta per token, finish reason, usage when asked for, [DONE]', async () => {
    const options = { stream: true, max_tokens: 3, stream_options: { include_usage: true } };
    const reply = await simulator.complete('open', ask('gpt-4', options));
    expect(reply.headers['content-type']).toContain('text/event-stream');
    const events = eventsOf(reply.text);
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event) as OpenAI.ChatCompletionChunk);
    expect(chunks.map((chunk) => chunk.object)).toEqual(Array(6).fill('chat.completion.chunk'));
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([
      null,
      null,
      null,
      null,
      'length',
      undefined,
    ]);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.map((chunk) => chunk.usage?.total_tokens)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      4,
    ]);

    const whole = await simulator.complete('open', ask('gpt-4', { max_tokens: 3 }));
    const streamed = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    expect(streamed).toBe(whole.json<OpenAI.ChatCompletion>().choices[0]?.message.content);
  });

  it('has no usage field unless asked', async () => {
    const reply = await simulator.complete('open', ask('gpt-4', { stream: true }));
    expect(reply.text).not.toContain('usage');
  });

  it('comes token by token when tokens take time', async () => {
    const client = new OpenAI({ baseURL: `${simulator.url}/slow/v1`, apiKey: 'any', maxRetries: 0 });
    const stream = await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'ping' }],
      stream: true,
      max_tokens: 200,
    });
    const arrivedMs: number[] = [];
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) arrivedMs.push(performance.now());
    expect(arrivedMs).toHaveLength(200);
    expect(arrivedMs.at(-1)! - arrivedMs[0]!).toBeGreaterThan(50);
  });
});

describe('a request that is refused', () => {
  it.each([
    ['a body that is not JSON', '{"model":', 400, { param: null }],
    ['a body that is no object', '[]', 400, { param: null }],
    ['no model', { messages: [{ role: 'user', content: 'x' }] }, 400, { param: 'model' }],
    ['no messages', { model: 'gpt-4' }, 400, { param: 'messages' }],
    ['empty messages', { model: 'gpt-4', messages: [] }, 400, { param: 'messages' }],
    ['a message without a role', ask('gpt-4', { messages: [{ content: 'x' }] }), 400, { param: 'messages.[0].role' }],
    ['a token limit of 0', ask('gpt-4', { max_tokens: 0 }), 400, { param: 'max_tokens', code: 'invalid_value' }],
    [
      'a token limit in words',
      ask('gpt-4', { max_completion_tokens: 'ten' }),
      400,
      { param: 'max_completion_tokens', code: 'invalid_value' },
    ],
    ['an unknown model', ask('gpt-5'), 404, { code: 'model_not_found', param: 'model' }],
    ['a model named like a property of objects', ask('constructor'), 404, { code: 'model_not_found', param: 'model' }],
  ])('%s gets an error in the OpenAI shape', async (_title, body, status, error) => {
    const reply = await simulator.complete('open', body);
    expect(reply.status).toBe(status);
    const shape = { type: 'invalid_request_error', message: expect.any(String), param: null, code: null };
    expect(reply.json()).toEqual({ error: { ...shape, ...error } });
  });

  it('a body beyond 32 MB gets 413', async () => {
    const reply = await simulator.complete('open', 'x'.repeat(32 * 1024 * 1024 + 1));
    expect([reply.status, reply.json<any>().error.code]).toEqual([413, 'request_too_large']);
  });

  it('a wrong or missing key gets 401, the right one an answer', async () => {
    const replies = await Promise.all(
      [{}, { authorization: 'Bearer wrong-key' }, { authorization: 'Bearer right-key' }].map((headers) =>
        simulator.complete('keyed', ask('gpt-4'), headers),
      ),
    );
    expect(replies.map((reply) => reply.status)).toEqual([401, 401, 200]);
    expect(replies[1]?.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(replies[1]?.text).not.toContain('wrong-key');
  });

  it('an unknown provider and an unknown path get 404', async () => {
    const replies = [await simulator.complete('nobody', ask('gpt-4')), await simulator.send('GET', '/open/v2/models')];
    expect(replies.map((reply) => [reply.status, reply.json<any>().error.code])).toEqual([
      [404, 'provider_not_found'],
      [404, 'unknown_url'],
    ]);
  });
});

describe('the list of models', () => {
  it('is what the official client understands', async () => {
    const client = new OpenAI({ baseURL: `${simulator.url}/open/v1`, apiKey: 'any' });
    const { data } = await client.models.list();
    expect(data.map((model) => model.id)).toEqual(['gpt-4', 'vendor/small']);
  });

  it('leaves out what is not listed, and says when a model ends, as it was told to', async () => {
    const models = { a: { shutdownDate: '2027-01-14' }, b: { listed: false }, c: { shutdownDate: 'soon' }, d: null };
    expect((await simulator.admin('PUT', '/providers/ending', { models })).status).toBe(200);
    const list = (await simulator.send('GET', '/ending/v1/models')).json<{
      data: { id: string; shutdown_date?: string }[];
    }>();
    expect(list.data.map(({ id, shutdown_date }) => [id, shutdown_date])).toEqual([
      ['a', '2027-01-14'],
      ['c', 'soon'],
      ['d', undefined],
    ]);
    expect((await simulator.complete('ending', ask('b'))).status).toBe(200);
    // Anthropic's wire knows no dates.
    const other = await simulator.send('GET', '/ending/v1/models', undefined, { 'anthropic-version': '2023-06-01' });
    expect(other.text).not.toContain('2027');
  });

  it('needs the key, and is gone with a provider that is down', async () => {
    expect((await simulator.send('GET', '/keyed/v1/models')).status).toBe(401);
    await simulator.admin('POST', '/providers/keyed/kill');
    expect((await simulator.send('GET', '/keyed/v1/models')).status).toBe(503);
    await simulator.admin('POST', '/providers/keyed/revive');
  });
});

it('with autoProviders any provider answers any model', async () => {
  const auto = await startForSpec({ script: { autoProviders: true, latency: instant } });
  expect((await auto.complete('whoever', ask('whatever'))).status).toBe(200);
  expect((await auto.complete('not a name', ask('whatever'))).status).toBe(404);
  await auto.close();
});
