import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { SimulatedFault } from '#libs/testing';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ask, startStreamingStack, type StreamingStack, type StreamPair } from './streaming.fixture.js';

// Streams as callers see them: OpenAI's own package and curl, against real processes.

let system: StreamingStack;
beforeAll(async () => {
  system = await startStreamingStack({ same: 33, other: 14, anthropic: 7 });
}, 90_000);
afterAll(() => system?.stack.stop());

type Chunk = OpenAI.ChatCompletionChunk;
const DELIVERIES = ['live', 'whole'] as const;
const by = (delivery: (typeof DELIVERIES)[number], more: Record<string, string> = {}) => ({
  headers: { 'x-understudy-stream': delivery, ...more },
});
const textOf = (chunks: Chunk[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

/** Everything that comes until the end, or until the error. */
async function readAll(stream: AsyncIterable<Chunk>): Promise<{ chunks: Chunk[]; error: any }> {
  const chunks: Chunk[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
    return { chunks, error: undefined };
  } catch (error) {
    return { chunks, error };
  }
}
async function stream(pair: StreamPair, options: ReturnType<typeof by>, body: object = {}) {
  const { data, response } = await system.openai.chat.completions
    .create({ ...ask(pair), ...body, stream: true }, options)
    .withResponse();
  return { ...(await readAll(data)), headers: response.headers };
}
const curl = async (path: string, ...options: string[]) =>
  (await promisify(execFile)('curl', ['-sS', '-N', '-i', ...options, system.url + path])).stdout;
const json = async (path: string, init: RequestInit = {}): Promise<{ status: number; body: any; headers: Headers }> => {
  const response = await fetch(system.url + path, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
};

describe.each(DELIVERIES)('a stream (%s)', (delivery) => {
  it('has OpenAI’s shape: the role first, one id, model and time, a reason at the end, and headers that say who answers', async () => {
    const pair = system.pair();
    const { chunks, error, headers } = await stream(pair, by(delivery));
    expect(error).toBeUndefined();
    expect(chunks[0]?.choices[0]).toMatchObject({
      index: 0,
      delta: { role: 'assistant', content: '' },
      finish_reason: null,
    });
    expect(new Set(chunks.map(({ id, created, model, object }) => `${id} ${created} ${model} ${object}`)).size).toBe(1);
    expect(chunks[0]).toMatchObject({ object: 'chat.completion.chunk', model: 'm', created: expect.any(Number) });
    expect(chunks.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'length' });
    expect(chunks.filter(({ choices }) => choices[0]?.finish_reason)).toHaveLength(1);
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true);
    expect(textOf(chunks)).toBe(await system.textOf(pair, 0, 20));
    expect(chunks.at(-1)).toMatchObject({
      understudy: { target: pair.targets[0], attempts: [{ outcome: 'success' }] },
    });
    expect(headers.get('content-type')).toContain('text/event-stream');
    expect(headers.get('x-understudy-job-id')).toMatch(/[0-9a-f-]{36}/);
    expect(headers.get('x-understudy-target')).toBe(pair.targets[0]);
    expect(headers.get('x-understudy-model')).toBe('m');
    expect(headers.get('x-understudy-attempts')).toBe('1');
  });

  it('has the usage in a last chunk of its own when that is asked for', async () => {
    const { chunks } = await stream(system.pair(), by(delivery), { stream_options: { include_usage: true } });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 20 } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it.each(['same', 'anthropic'] as const)(
    'brings tool calls that OpenAI’s own accumulator puts together (%s)',
    async (kind) => {
      const parameters = {
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer' } },
        required: ['city', 'days'],
      };
      const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
      const body = { ...ask(system.pair(kind)), tools, tool_choice: 'required' as const };
      const whole = await system.openai.chat.completions.create(body);
      const streamed = await system.openai.chat.completions.stream(body, by(delivery)).finalChatCompletion();
      const [call] = streamed.choices[0]!.message.tool_calls!;
      expect(streamed.choices[0]!.finish_reason).toBe('tool_calls');
      expect(call).toMatchObject({ type: 'function', function: { name: 'weather' } });
      const [expected] = whole.choices[0]!.message.tool_calls! as { function: { arguments: string } }[];
      expect((call as { function: { arguments: string } }).function.arguments).toBe(expected!.function.arguments);
    },
  );

  it('is refused with the right status before anything was sent', async () => {
    const unknown = system.openai.chat.completions.create(
      { ...ask(system.pair()), model: 'gpt-5000', stream: true },
      by(delivery),
    );
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
    const pair = system.pair();
    const dead = { kind: 'status', status: 401 } as const;
    await system.simulator.addFault({ provider: pair.first, fault: dead });
    await system.simulator.addFault({ provider: pair.second, fault: dead });
    const failed = system.openai.chat.completions.create({ ...ask(pair), stream: true }, by(delivery));
    await expect(failed).rejects.toMatchObject({ status: 502, code: 'all_targets_failed' });
  });

  it('is kept alive by comments while its job waits, and tells later errors in the stream', async () => {
    const pair = system.pair();
    await system.simulator.addFault({ provider: pair.first, fault: { kind: 'slow-first-token', ms: 6_000 } });
    const body = JSON.stringify({ ...ask(pair), stream: true });
    const text = await curl('/v1/chat/completions', '-H', `x-understudy-stream: ${delivery}`, '-d', body);
    expect(text).toMatch(/^HTTP\/1.1 200/);
    expect(text.indexOf(': waiting')).toBeGreaterThan(0);
    expect(text.indexOf(': waiting')).toBeLessThan(text.indexOf('data: '));
    expect(text).toMatch(/data: \[DONE\]\s*$/);

    const { error } = await stream(pair, by(delivery, { 'x-understudy-timeout-ms': '5000' }));
    expect(error).toMatchObject({ code: expect.stringMatching(/deadline_exceeded|result_timeout/) });
    expect(error.error.job_id).toMatch(/[0-9a-f-]{36}/);
  });

  it('ends its job when the caller leaves: the provider’s connection is closed', async () => {
    const pair = system.pair();
    await system.simulator.addFault({ provider: pair.first, fault: { kind: 'slow-drip', tokensPerSecond: 4 } });
    const hangUp = new AbortController();
    const leaving = fetch(`${system.url}/v1/chat/completions`, {
      method: 'POST',
      headers: by(delivery).headers,
      body: JSON.stringify({ ...ask(pair, 100), stream: true }),
      signal: hangUp.signal,
    }).then((response) => response.text());
    await untilCalled(pair);
    hangUp.abort();
    await expect(leaving).rejects.toThrow(/abort/);
    await vi.waitFor(async () => expect((await callTo(pair)).aborted).toBe(true));
  });

  it('leaves its job alone when the caller that leaves has asked to keep it', async () => {
    const pair = system.pair();
    const hangUp = new AbortController();
    const { response } = await system.openai.chat.completions
      .create(
        { ...ask(pair, 40), stream: true },
        { ...by('live', { 'x-understudy-keep': 'true' }), signal: hangUp.signal },
      )
      .withResponse();
    hangUp.abort();
    const jobId = response.headers.get('x-understudy-job-id')!;
    const { body } = await json(`/v1/jobs/${jobId}?wait_ms=10000`);
    expect(body).toMatchObject({
      state: 'completed',
      result: { choices: [{ message: { content: expect.any(String) } }] },
    });
  });
});

async function callTo({ first }: StreamPair) {
  const { calls } = await system.simulator.calls({ provider: first });
  const [call] = calls;
  if (!call) throw new Error('the provider was not called');
  return call;
}
const untilCalled = (pair: StreamPair) => vi.waitFor(() => callTo(pair));

// Late enough that the words before it have been published.
const BREAKS: [string, SimulatedFault][] = [
  ['is cut', { kind: 'cut', afterChunks: 12 }],
  ['is reset', { kind: 'reset', at: 'mid-body', afterChunks: 12 }],
  ['stalls', { kind: 'stall', afterChunks: 12 }],
  ['turns to garbage', { kind: 'malformed-event', event: 14 }],
  ['ends in an error event', { kind: 'error-event', event: 14, status: 503 }],
];

describe.each(BREAKS)('when a provider’s stream %s', (_what, fault) => {
  it('a whole stream shows nothing of it', async () => {
    const pair = system.pair('other');
    await system.simulator.addFault({ provider: pair.first, fault });
    const { chunks, error, headers } = await stream(pair, by('whole'));
    expect(error).toBeUndefined();
    expect(textOf(chunks)).toBe(await system.textOf(pair, 1, 20));
    expect(headers.get('x-understudy-target')).toBe(pair.targets[1]);
    expect(headers.get('x-understudy-attempts')).toBe('2');
  });

  it('a live stream goes on seamlessly where the next target says the same', async () => {
    const pair = system.pair();
    await system.simulator.addFault({ provider: pair.first, fault });
    const { chunks, error, headers } = await stream(pair, by('live'));
    expect(error).toBeUndefined();
    // It had begun with the target that broke.
    expect(headers.get('x-understudy-target')).toBe(pair.targets[0]);
    expect(textOf(chunks)).toBe(await system.textOf(pair, 1, 20));
    expect(new Set(chunks.map(({ id, model }) => `${id} ${model}`)).size).toBe(1);
    expect(chunks.at(-1)).toMatchObject({ understudy: { target: pair.targets[1] } });
  });

  it('a live stream ends in an error where the next target says something else, and the whole answer can be fetched', async () => {
    const pair = system.pair('other');
    await system.simulator.addFault({ provider: pair.first, fault });
    const { chunks, error } = await stream(pair, by('live'));
    expect(textOf(chunks).length).toBeGreaterThan(0);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: 'stream_interrupted', type: 'server_error' });
    const { body } = await json(`/v1/jobs/${error.error.job_id}?wait_ms=10000`);
    expect(body).toMatchObject({ state: 'completed', result: { understudy: { target: pair.targets[1] } } });
    expect(body.result.choices[0].message.content).toBe(await system.textOf(pair, 1, 20));
    // All that the gateway can say about it, and nothing of the answer.
    const line = system.stack
      .app('gateway')
      .logs()
      .find(({ job_id: id }) => id === error.error.job_id);
    expect(line).toMatchObject({ event: 'llm.stream.interrupted', delivery: 'live' });
  });
});

describe('a live stream', () => {
  it('of Anthropic’s wire format is whole, and goes on seamlessly after a break', async () => {
    const pair = system.pair('anthropic');
    const { chunks, error } = await stream(pair, by('live'));
    expect(error).toBeUndefined();
    expect(textOf(chunks)).toBe(await system.textOf(pair, 0, 20));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
    await system.simulator.addFault({ provider: pair.first, fault: { kind: 'cut', afterChunks: 12 } });
    const broken = await stream(pair, by('live'));
    expect(broken.error).toBeUndefined();
    expect(textOf(broken.chunks)).toBe(textOf(chunks));
    expect(broken.chunks.at(-1)).toMatchObject({ understudy: { target: pair.targets[1] } });
  });

  it('is sent while it is made', async () => {
    const pair = system.pair();
    const streaming = await system.openai.chat.completions.create({ ...ask(pair, 400), stream: true }, by('live'));
    for await (const chunk of streaming)
      if (chunk.choices[0]?.delta.content) {
        // The provider, which takes twelve seconds, has not finished.
        expect((await callTo(pair)).latencyMs).toBeNull();
        return;
      }
    throw new Error('not a word has come');
  });

  it('can be read with curl -N', async () => {
    const text = await curl('/v1/chat/completions', '-d', JSON.stringify({ ...ask(system.pair()), stream: true }));
    const events = text
      .split('\r\n\r\n')[1]!
      .trim()
      .split('\n\n')
      .filter((event) => !event.startsWith(':'));
    expect(events.at(-1)).toBe('data: [DONE]');
    for (const event of events.slice(0, -1)) expect(JSON.parse(event.replace('data: ', ''))).toHaveProperty('choices');
  });
});

describe('a request', () => {
  it.each([
    ['understudy.routing.fallbacks', (name: string) => ({ understudy: { routing: { fallbacks: [name] } } })],
    ['fallbacks', (name: string) => ({ fallbacks: [name] })],
    ['models', (name: string) => ({ models: [name] })],
  ])('names its fallbacks in its body, by target or by model: %s', async (_where, fields) => {
    const [pair, other] = [system.pair(), system.pair('other')];
    await system.simulator.kill(pair.first);
    const servedBy = async (fallback: string) => {
      const request = JSON.stringify({ ...ask(pair), ...fields(fallback) });
      return (await json('/v1/chat/completions', { method: 'POST', body: request })).body.understudy.target;
    };
    expect(await servedBy(other.targets[1])).toBe(other.targets[1]);
    expect(await servedBy(other.model)).toBe(other.targets[0]);
  });

  it('that is not streamed ends its job too when its caller leaves, and is counted', async () => {
    const pair = system.pair();
    await system.simulator.addFault({ provider: pair.first, fault: { kind: 'slow-drip', tokensPerSecond: 4 } });
    const hangUp = new AbortController();
    const leaving = fetch(`${system.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(ask(pair, 100)),
      signal: hangUp.signal,
    });
    await untilCalled(pair);
    hangUp.abort();
    await expect(leaving).rejects.toThrow(/abort/);
    await vi.waitFor(async () => expect((await callTo(pair)).aborted).toBe(true));
    const metrics = await (await fetch(`${system.url}/metrics`)).text();
    expect(metrics).toMatch(/ai_callers_left_total\{job="cancelled"\} [1-9]/);
    expect(metrics).toMatch(/ai_streams_total\{delivery="live",outcome="left"\} \d/);
    expect(metrics).toMatch(/ai_stream_first_byte_seconds_count\{delivery="whole"\} \d/);
  });

  it('with an idempotency key is answered once, however often it is sent', async () => {
    const pair = system.pair();
    const options = { headers: { 'idempotency-key': `key-${pair.first}` } };
    const first = await stream(pair, { headers: { ...by('live').headers, ...options.headers } });
    const again = await system.openai.chat.completions.create(ask(pair), options).withResponse();
    expect(again.data.choices[0]?.message.content).toBe(textOf(first.chunks));
    expect(again.response.headers.get('x-understudy-job-id')).toBe(first.headers.get('x-understudy-job-id'));
    expect((await system.simulator.calls({ provider: pair.first })).total).toBe(1);
    const other = system.openai.chat.completions.create(ask(pair, 5), options);
    await expect(other).rejects.toMatchObject({ status: 409, code: 'idempotency_conflict' });
  });
});

describe('/v1/jobs', () => {
  const post = (body: object) => json('/v1/jobs', { method: 'POST', body: JSON.stringify(body) });

  it('takes a job, tells where it stands, and gives its result', async () => {
    const pair = system.pair();
    const { status, body, headers } = await post(ask(pair, 150));
    expect(status).toBe(202);
    expect(body).toEqual({ id: expect.any(String), object: 'job', state: 'queued' });
    expect(headers.get('location')).toBe(`/v1/jobs/${body.id}`);
    await untilCalled(pair);
    expect((await json(`/v1/jobs/${body.id}`)).body).toEqual({ id: body.id, object: 'job', state: 'running' });
    const done = await json(`/v1/jobs/${body.id}?wait_ms=10000`);
    expect(done.body).toMatchObject({ state: 'completed', result: { object: 'chat.completion' } });
    expect(done.headers.get('x-understudy-target')).toBe(pair.targets[0]);
  });

  it('says where the job of an idempotency key stands when it is sent again', async () => {
    const pair = system.pair();
    const request = { ...ask(pair), understudy: { idempotencyKey: `again-${pair.first}` } };
    const { body } = await post(request);
    expect((await json(`/v1/jobs/${body.id}?wait_ms=10000`)).body).toMatchObject({ state: 'completed' });
    expect(await post(request)).toMatchObject({ status: 202, body: { id: body.id, state: 'completed' } });
  });

  it('lets others read along, from the beginning', async () => {
    const pair = system.pair();
    const { body } = await post({ ...ask(pair, 40), stream: true });
    await untilCalled(pair);
    const text = await curl(`/v1/jobs/${body.id}/stream?include_usage=true`);
    expect(text).toMatch(/data: \[DONE\]\s*$/);
    const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data!) as Chunk);
    expect(textOf(chunks)).toBe(await system.textOf(pair, 0, 40));
    expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 40 });
  });

  it('cancels a job once, and says so when it is too late', async () => {
    const pair = system.pair();
    await system.simulator.addFault({ provider: pair.first, fault: { kind: 'slow-drip', tokensPerSecond: 4 } });
    const { body } = await post(ask(pair, 100));
    await untilCalled(pair);
    const cancelled = await json(`/v1/jobs/${body.id}`, { method: 'DELETE' });
    expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect((await json(`/v1/jobs/${body.id}`)).body).toMatchObject({
      state: 'cancelled',
      error: { code: 'cancelled', status: 499 },
    });
    await vi.waitFor(async () => expect((await callTo(pair)).aborted).toBe(true));
    const done = await post(ask(pair, 1));
    await json(`/v1/jobs/${done.body.id}?wait_ms=10000`);
    expect(await json(`/v1/jobs/${done.body.id}`, { method: 'DELETE' })).toMatchObject({
      status: 409,
      body: { error: { code: 'job_finished' } },
    });
  });

  it('tells how a job has failed, with the status that waiting for it would have brought', async () => {
    const pair = system.pair();
    const dead = { kind: 'status', status: 401 } as const;
    for (const provider of [pair.first, pair.second]) await system.simulator.addFault({ provider, fault: dead });
    const { body } = await post(ask(pair));
    expect(await json(`/v1/jobs/${body.id}?wait_ms=10000`)).toMatchObject({
      status: 200,
      body: { state: 'failed', error: { code: 'all_targets_failed', status: 502, attempts: [{}, {}] } },
    });
  });

  it.each([
    ['an unknown job', '/v1/jobs/11111111-2222-4333-8444-555555555555', {}, 404, 'job_not_found'],
    ['the stream of an unknown job', '/v1/jobs/11111111-2222-4333-8444-555555555555/stream', {}, 404, 'job_not_found'],
    [
      'an unknown job to cancel',
      '/v1/jobs/11111111-2222-4333-8444-555555555555',
      { method: 'DELETE' },
      404,
      'job_not_found',
    ],
    ['a wrong wait', '/v1/jobs/x?wait_ms=soon', {}, 400, 'invalid_request'],
    ['a wrong body', '/v1/jobs', { method: 'POST', body: '{}' }, 400, 'invalid_request'],
    ['a list of all jobs', '/v1/jobs', {}, 405, 'method_not_allowed'],
    ['another method', '/v1/jobs/x', { method: 'PUT' }, 405, 'method_not_allowed'],
  ])('refuses %s in OpenAI’s shape', async (_what, path, init, status, code) => {
    expect(await json(path, init)).toMatchObject({ status, body: { error: { code, message: expect.any(String) } } });
  });
});
