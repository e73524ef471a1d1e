import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { ChatChunk } from '#libs/contracts';
import { LIMITS, sendJson, startProvider } from './provider.fixture.js';

const chunk = (delta: object, more: object = {}) => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 7,
  model: 'served-model',
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});
const ROLE = chunk({ role: 'assistant', content: '' });
const STOP = chunk({}, { finish_reason: 'stop' });
const USAGE = {
  ...STOP,
  choices: [],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 9, prompt_tokens_details: { cached_tokens: 1 } },
};
const HELLO = [ROLE, chunk({ content: 'Hel' }), chunk({ content: 'lo' })];
const BROKEN = { ok: false, failure: 'stream_broken', discardedChars: 5, firstTokenMs: expect.any(Number) as number };
const WHOLE = { ok: true, answer: { choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] } };

type Part = object | string;

/** Text is sent as it is, an object as an event. */
function write(response: ServerResponse, parts: readonly Part[]): ServerResponse {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const part of parts) response.write(typeof part === 'string' ? part : `data: ${JSON.stringify(part)}\n\n`);
  return response;
}
const DONE = 'data: [DONE]\n\n';
const streaming = (...parts: Part[]) => startProvider((_, response) => void write(response, parts).end());

describe('a streamed answer', () => {
  test('is put together to the completion that it is', async () => {
    const { chat } = await streaming(...HELLO, STOP, USAGE, DONE);
    const outcome = await chat({ stream: true });
    expect(outcome).toMatchObject({
      ok: true,
      servedModel: 'served-model',
      usage: { inputTokens: 3, outputTokens: 6, cachedInputTokens: 1 },
      firstTokenMs: expect.any(Number),
    });
    expect(outcome.ok && outcome.answer).toEqual({
      id: 'c1',
      object: 'chat.completion',
      created: 7,
      model: 'served-model',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      usage: USAGE.usage,
    });
  });

  test('is told part by part, without what says nothing', async () => {
    const heard: ChatChunk[] = [];
    const { chat } = await streaming(': hi\n\n', ...HELLO, STOP, USAGE, DONE);
    await chat({ stream: true, onDelta: (part) => heard.push(part) });
    expect(heard).toEqual([chunk({ content: 'Hel' }), chunk({ content: 'lo' })]);
  });

  test('says something with the call of a custom tool, as with that of a function', async () => {
    const parts = [
      chunk({ tool_calls: [{ index: 0, id: 't', type: 'custom', custom: { name: 'sh', input: '' } }] }),
      chunk({ tool_calls: [{ index: 0, custom: { input: 'ls' } }] }),
    ];
    const heard: string[] = [];
    const { chat } = await streaming(...parts, STOP, DONE);
    const outcome = await chat({ stream: true, onDelta: (part) => heard.push(JSON.stringify(part)) });
    expect(outcome).toMatchObject({ ok: true, firstTokenMs: expect.any(Number) });
    expect(outcome.ok && outcome.answer.choices[0]).toMatchObject({
      message: { tool_calls: [{ id: 't', type: 'custom', custom: { name: 'sh', input: 'ls' } }] },
    });
    expect(heard).toEqual(parts.map((part) => JSON.stringify(part)));
  });

  test('is given also when a listener breaks', async () => {
    const { chat } = await streaming(...HELLO, STOP, DONE);
    const onDelta = () => {
      throw new Error('mine');
    };
    expect(await chat({ stream: true, onDelta })).toMatchObject(WHOLE);
  });

  test('was asked for with its usage, whatever the caller wrote', async () => {
    const { chat, seen } = await streaming(...HELLO, STOP, DONE);
    const body = {
      model: 'x',
      messages: [],
      n: 1,
      understudy: {},
      stream_options: { include_usage: false, a: 1 },
    };
    await chat({ stream: true, body: body as never, changes: { set: { model: 'y', stream: false } } });
    expect(JSON.parse(seen.body)).toEqual({
      model: 'm',
      messages: [],
      stream: true,
      stream_options: { include_usage: true, a: 1 },
    });
    expect(seen.headers.accept).toBe('text/event-stream');
  });

  test('was asked for with the changes that its target needs', async () => {
    const { chat, seen } = await streaming(...HELLO, STOP, DONE);
    const body = { model: 'x', messages: [], max_tokens: 5, seed: 1 };
    const changes = { rename: { max_tokens: 'limit', nothing: 'x' }, drop: ['seed', 'stream_options'], set: { a: 1 } };
    await chat({ stream: true, body: body as never, changes });
    expect(JSON.parse(seen.body)).toEqual({ model: 'm', messages: [], limit: 5, a: 1, stream: true });
  });

  test.each<[string, Part[]]>([
    ['no end marker comes', [...HELLO, STOP]],
    ['only the end marker comes', [...HELLO, DONE]],
    ['its end marker lacks the blank line', [...HELLO, 'data: [DONE]']],
    ['the usage has no list of choices', [...HELLO, STOP, { usage: USAGE.usage }, DONE]],
    ['rubbish follows', [...HELLO, STOP, 'data: {"cho\n\n', DONE]],
    ['an error follows', [...HELLO, STOP, { error: { message: 'late', code: 500 } }]],
    ['more follows its end', [...HELLO, STOP, DONE, chunk({ content: '!' })]],
    ['events of other names are among it', [...HELLO, 'event: ping\ndata: {"x":1}\n\n', STOP, DONE]],
  ])('is whole when %s', async (_what, parts) => {
    const { chat } = await streaming(...parts);
    expect(await chat({ stream: true })).toMatchObject(WHOLE);
  });

  test('is whole when the connection breaks, or never ends, after its finish', async () => {
    const broken = await startProvider((_, response) => {
      write(response, [...HELLO, STOP]);
      setTimeout(() => response.destroy(), 20);
    });
    expect(await broken.chat({ stream: true })).toMatchObject(WHOLE);
    const endless = await startProvider((_, response) => void write(response, [...HELLO, STOP]));
    const outcome = await endless.chat({ stream: true, limits: { ...LIMITS, idleMs: 100 } });
    expect(outcome).toMatchObject(WHOLE);
    expect(outcome.latencyMs).toBeLessThan(LIMITS.totalMs / 2);
    await expect.poll(() => endless.seen.closedEarly).toBe(true);
  });

  test('is whole at its end marker, and the connection is used again', async () => {
    const { chat, seen } = await streaming(...HELLO, STOP, DONE);
    for (let i = 0; i < 5; i++) expect(await chat({ stream: true })).toMatchObject(WHOLE);
    // The next call may begin before the last bytes of this one are in.
    expect(seen.connections).toBeLessThanOrEqual(2);
  });

  test('may come in one piece', async () => {
    const completion = { id: 'x', choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] };
    const json = await startProvider((_, response) => sendJson(response, 200, completion));
    expect(await json.chat({ stream: true })).toMatchObject({ ...WHOLE, firstTokenMs: undefined });
    const mislabelled = await streaming(JSON.stringify(completion));
    expect(await mislabelled.chat({ stream: true })).toMatchObject(WHOLE);
  });

  test('may come without being asked for', async () => {
    const { chat } = await streaming(...HELLO, STOP, DONE);
    expect(await chat({ stream: false })).toMatchObject(WHOLE);
  });

  test('may be cut into bytes anywhere', async () => {
    const { chat } = await startProvider((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const bytes = Buffer.from(`data: ${JSON.stringify(chunk({ content: 'Grüße 🎭' }))}\r\n\r\n${DONE}`);
      const next = (at: number) =>
        at < bytes.length ? response.write(bytes.subarray(at, at + 1), () => next(at + 1)) : response.end();
      next(0);
    });
    expect(await chat({ stream: true })).toMatchObject({ answer: { choices: [{ message: { content: 'Grüße 🎭' } }] } });
  });
});

describe('a stream that breaks', () => {
  test.each<[string, Part[], object]>([
    ['ends in the middle', HELLO, BROKEN],
    ['ends before it says anything', [ROLE], { ok: false, failure: 'bad_response' }],
    ['is empty', [''], { ok: false, failure: 'bad_response' }],
    ['says only that it is done', [DONE], { ok: false, failure: 'bad_response' }],
    ['finishes without saying anything', [ROLE, STOP, DONE], { ok: false, failure: 'bad_response' }],
    ['has a malformed event', [...HELLO, 'data: {"cho\n\n', STOP, DONE], BROKEN],
    ['begins with a malformed event', ['data: {"cho\n\n', STOP, DONE], { ok: false, failure: 'bad_response' }],
    ['has an event that is no chunk', [...HELLO, { hello: 1 }, STOP], BROKEN],
    ['reports an error first', [{ error: { code: 503, message: 'busy' } }], { ok: false, failure: 'overloaded' }],
    ['reports an error later', [...HELLO, { error: { code: 503, message: 'busy' } }], BROKEN],
    [
      'reports an error by name',
      ['event: error\ndata: {"type":"rate_limit_error","message":"slow"}\n\n'],
      { ok: false, failure: 'rate_limited', message: 'slow' },
    ],
    [
      'runs out of money later',
      [...HELLO, { error: { code: 'insufficient_quota', message: 'no' } }],
      { ok: false, failure: 'quota', discardedChars: 5 },
    ],
    [
      'breaks off with an error in plain JSON',
      [...HELLO, '[{\n "error": {\n  "code": 401,\n  "message": "no"\n }\n}]'],
      { ok: false, failure: 'auth' },
    ],
    [
      'fails by its finish reason',
      [...HELLO, chunk({}, { finish_reason: 'insufficient_system_resource' }), DONE],
      BROKEN,
    ],
  ])('is a failure: it %s', async (_what, parts, expected) => {
    const { chat } = await streaming(...parts);
    expect(await chat({ stream: true })).toMatchObject(expected);
  });

  test('is a failure when its bytes are no UTF-8', async () => {
    const { chat } = await startProvider((_, response) => {
      write(response, HELLO);
      response.end(Buffer.from([0x64, 0xff, 0xfe]));
    });
    expect(await chat({ stream: true })).toMatchObject({ ...BROKEN, message: 'the answer is not valid UTF-8' });
  });

  test('is a failure when the connection breaks', async () => {
    const { chat } = await startProvider((_, response) => {
      write(response, HELLO);
      setTimeout(() => response.destroy(), 20);
    });
    expect(await chat({ stream: true })).toMatchObject(BROKEN);
  });

  test('is given up when it has no end', async () => {
    const { chat, seen } = await startProvider((_, response) => {
      const block = `: ${'x'.repeat(4 * 1024 * 1024)}\n\n`;
      const more = () => {
        while (!response.destroyed && write(response, [block]).writableNeedDrain === false);
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const outcome = await chat({ stream: true, limits: { ...LIMITS, firstTokenMs: 15_000, totalMs: 15_000 } });
    expect(outcome).toMatchObject({ ok: false, failure: 'bad_response' });
    await expect.poll(() => seen.closedEarly).toBe(true);
  });
});

describe('a silent stream', () => {
  const keptAlive =
    (parts: readonly Part[], noise: Part) =>
    (_: unknown, response: ServerResponse): void => {
      write(response, parts);
      const timer = setInterval(() => write(response, [noise]), 10);
      response.on('close', () => clearInterval(timer));
    };

  test.each<[string, Part[], Part, object]>([
    ['comments come', [], ': keep-alive\n\n', { failure: 'timeout', deadline: 'first_token' }],
    ['empty chunks come', [ROLE], ROLE, { failure: 'timeout', deadline: 'first_token' }],
    ['comments follow', HELLO, ': keep-alive\n\n', { failure: 'timeout', deadline: 'idle', discardedChars: 5 }],
    ['empty chunks follow', HELLO, chunk({ content: '' }), { failure: 'timeout', deadline: 'idle' }],
    ['bytes without an event follow', HELLO, 'x', { failure: 'timeout', deadline: 'idle' }],
  ])('is given up although %s, and its connection closed', async (_what, parts, noise, expected) => {
    const { chat, seen } = await startProvider(keptAlive(parts, noise));
    const limits = { ...LIMITS, [parts === HELLO ? 'idleMs' : 'firstTokenMs']: 150 };
    expect(await chat({ stream: true, limits })).toMatchObject({ ok: false, ...expected });
    await expect.poll(() => seen.closedEarly).toBe(true);
  });

  test('is given up at the total although it goes on speaking', async () => {
    const { chat } = await startProvider(keptAlive([], chunk({ content: 'x' })));
    const outcome = await chat({ stream: true, limits: { ...LIMITS, totalMs: 150 } });
    expect(outcome).toMatchObject({ ok: false, failure: 'timeout', deadline: 'total' });
  });

  test('is given up when it speaks too slowly', async () => {
    const { chat } = await startProvider(keptAlive([], chunk({ content: 'x' })));
    const limits = { ...LIMITS, idleMs: 500, minCharsPerSecond: 5_000 };
    expect(await chat({ stream: true, limits })).toMatchObject({ failure: 'timeout', deadline: 'too_slow' });
  });
});
