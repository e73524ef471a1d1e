import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ChatChunk } from '#libs/contracts';
import { itemsOf } from './fields.js';
import {
  block,
  ends,
  event,
  fakeProvider,
  type FakeProvider,
  LIMITS,
  PING,
  sse,
  START,
  STOP,
  text,
} from './fake-provider.fixture.js';

let provider: FakeProvider | undefined;

afterEach(() => provider?.close());

/** Streams `answer` to the adapter; what was said on the way is in `chunks`. */
async function stream(answer: Parameters<typeof fakeProvider>[0], call: Parameters<FakeProvider['chat']>[0] = {}) {
  provider = await fakeProvider(answer);
  const chunks: ChatChunk[] = [];
  const outcome = await provider.chat({ stream: true, onDelta: (chunk) => chunks.push(chunk), ...call });
  return { outcome, chunks, deltas: chunks.map((chunk) => chunk.choices[0]?.delta), received: provider.received };
}

const QUICK = { ...LIMITS, firstTokenMs: 150, idleMs: 150 };
const WHOLE = START + PING + text('Hel', 'lo') + ends('end_turn') + STOP;

describe('a whole stream', () => {
  test('becomes one completion, with usage, and is told in chunks with the role first', async () => {
    const { outcome, chunks, received } = await stream(sse(WHOLE));
    expect(received[0]?.body).toMatchObject({ stream: true });
    expect(outcome).toMatchObject({
      ok: true,
      httpStatus: 200,
      servedModel: 'claude-served',
      firstTokenMs: expect.any(Number),
      usage: { inputTokens: 10, outputTokens: 7, cachedInputTokens: 5, cacheWriteTokens: 2 },
      answer: {
        id: 'msg_1',
        object: 'chat.completion',
        model: 'claude-served',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
        usage: {
          prompt_tokens: 10,
          completion_tokens: 7,
          total_tokens: 17,
          prompt_tokens_details: { cached_tokens: 5 },
        },
      },
    });
    expect(chunks.map(({ choices }) => choices[0])).toEqual([
      { index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null },
      { index: 0, delta: { content: 'Hel' }, finish_reason: null },
      { index: 0, delta: { content: 'lo' }, finish_reason: null },
      { index: 0, delta: {}, finish_reason: 'stop' },
    ]);
    expect(chunks[0]).toMatchObject({ id: 'msg_1', object: 'chat.completion.chunk', model: 'claude-served' });
  });

  test('tells the usage in a chunk of its own when the caller asked for it', async () => {
    const messages = [{ role: 'user', content: 'hi' }];
    const body = { model: 'm', messages, stream_options: { include_usage: true } };
    const { chunks } = await stream(sse(WHOLE), { body });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 7 } });
  });

  test('tells tool calls as fragments with their place, and an empty object for no arguments', async () => {
    const { outcome, deltas } = await stream(
      sse(
        START +
          block(0, { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }, [
            { type: 'input_json_delta', partial_json: '' },
            { type: 'input_json_delta', partial_json: '{"city":' },
            { type: 'input_json_delta', partial_json: '"Oslo"}' },
          ]) +
          block(1, { type: 'tool_use', id: 'toolu_2', name: 'now', input: {} }, []) +
          ends('tool_use') +
          STOP,
      ),
    );
    expect(outcome).toMatchObject({
      ok: true,
      answer: {
        choices: [
          {
            finish_reason: 'tool_calls',
            message: {
              content: null,
              tool_calls: [
                { id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
                { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '{}' } },
              ],
            },
          },
        ],
      },
    });
    expect(deltas.slice(1, -1).map((delta) => itemsOf(delta?.['tool_calls'])[0])).toEqual([
      { index: 0, id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '' } },
      { index: 0, function: { arguments: '{"city":' } },
      { index: 0, function: { arguments: '"Oslo"}' } },
      { index: 1, id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '' } },
      { index: 1, function: { arguments: '{}' } },
    ]);
  });

  test('gives thinking to read, and signed blocks to send back', async () => {
    const { outcome, deltas } = await stream(
      sse(
        START +
          block(0, { type: 'thinking', thinking: '' }, [
            { type: 'thinking_delta', thinking: 'Let me ' },
            { type: 'thinking_delta', thinking: 'see' },
            { type: 'signature_delta', signature: 'signed' },
          ]) +
          block(1, { type: 'text', text: '' }, [{ type: 'text_delta', text: 'Yes' }]) +
          ends('end_turn') +
          STOP,
      ),
    );
    const thinking = [{ type: 'thinking', thinking: 'Let me see', signature: 'signed' }];
    expect(outcome).toMatchObject({
      answer: {
        choices: [{ message: { content: 'Yes', reasoning_content: 'Let me see', thinking_blocks: thinking } }],
      },
    });
    expect(deltas).toContainEqual({ reasoning_content: 'Let me ' });
    expect(deltas).toContainEqual({ thinking_blocks: thinking });
  });

  test('may hold events that did not exist when this was written', async () => {
    const unknown = event({ type: 'confidence', value: 0.9 });
    const { outcome } = await stream(sse(START + unknown + text('ok') + ends('end_turn') + STOP));
    expect(outcome).toMatchObject({ ok: true });
  });

  test('may come in pieces that split events and characters', async () => {
    const bytes = Buffer.from(START + text('gr\u00fc\u00df', '\u{1f600}') + ends('end_turn') + STOP);
    const { outcome } = await stream((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let at = 0;
      const next = () => {
        if (at >= bytes.length) return response.end();
        response.write(bytes.subarray(at, (at += 7)), () => setImmediate(next));
      };
      next();
    });
    expect(outcome).toMatchObject({
      ok: true,
      answer: { choices: [{ message: { content: 'gr\u00fc\u00df\u{1f600}' } }] },
    });
  });

  test.each([
    ['its last event never comes', sse(START + text('hi') + ends('end_turn'))],
    ['it is never closed', sse(START + text('hi') + ends('end_turn') + STOP, true)],
    ['neither its last event comes nor is it closed', sse(START + text('hi') + ends('end_turn'), true)],
    ['an error follows its end', sse(WHOLE + event({ type: 'error', error: { type: 'api_error', message: 'late' } }))],
  ])('stays a success when %s', async (_, answer) => {
    const { outcome } = await stream(answer);
    expect(outcome).toMatchObject({ ok: true, usage: { outputTokens: 7 } });
  });

  test('leaves its connection for the next call', async () => {
    const { received } = await stream((response, one) => {
      (one as { port?: number | undefined }).port = response.socket?.remotePort;
      sse(WHOLE)(response);
    });
    await vi.waitFor(async () => {
      await provider?.chat({ stream: true });
      const ports = received.map((one) => (one as { port?: number }).port);
      expect(ports.at(-1)).toBe(ports.at(-2));
    });
  });
});

describe('a broken stream', () => {
  const overloaded = event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
  const html = (response: Parameters<ReturnType<typeof sse>>[0]) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>maintenance</html>');

  test.each([
    ['an error as its first event', sse(overloaded), 'overloaded'],
    ['an error before the first token', sse(START + PING + overloaded), 'overloaded'],
    ['an error of money', sse(event({ type: 'error', error: { type: 'billing_error', message: 'no' } })), 'quota'],
    ['an end before it says anything', sse(START), 'bad_response'],
    ['nothing at all', sse(''), 'bad_response'],
    ['a page instead of events', html, 'bad_response'],
    ['JSON that is no event', sse('{"oops"'), 'bad_response'],
    ['an event that is cut JSON', sse(`${START}event: content_block_start\ndata: {"type":"conte\n\n`), 'bad_response'],
    ['an event of the wrong shape', sse(START + event({ type: 'content_block_delta', index: 'x' })), 'bad_response'],
    ['empty content', sse(START + ends('end_turn') + STOP), 'bad_response'],
    ['bytes that are no text', sse(Buffer.concat([Buffer.from(START), Buffer.from([0xff, 0xfe])])), 'bad_response'],
  ] as const)('that holds %s has failed as %s', async (_, answer, failure) => {
    const { outcome, chunks } = await stream(answer as Parameters<typeof stream>[0]);
    expect(outcome).toMatchObject({ ok: false, failure });
    expect(outcome).not.toHaveProperty('discardedChars');
    expect(chunks).toEqual([]);
  });

  test.each([
    ['ends cleanly', sse(START + text('hel', 'lo'))],
    ['sends an error', sse(START + text('hello') + overloaded)],
    ['sends garbage', sse(`${START}${text('hello')}data: {"type":\n\n`)],
    ['ends without a stop reason', sse(START + text('hello') + STOP)],
  ])('that has spoken and then %s is stream_broken, and what it said is counted', async (_, answer) => {
    const { outcome } = await stream(answer);
    expect(outcome).toMatchObject({ ok: false, failure: 'stream_broken', discardedChars: 5 });
  });

  test('whose socket is reset in the middle is stream_broken', async () => {
    const { outcome } = await stream((response) => {
      sse(START + text('hello'), true)(response);
      setTimeout(() => response.socket?.resetAndDestroy(), 50);
    });
    expect(outcome).toMatchObject({ ok: false, failure: 'stream_broken', discardedChars: 5 });
  });

  test('whose tool arguments are no JSON is no answer', async () => {
    const deltas = [{ type: 'input_json_delta', partial_json: '{"a":' }];
    const tool = block(0, { type: 'tool_use', id: 't', name: 'f', input: {} }, deltas);
    const { outcome } = await stream(sse(START + tool + ends('tool_use') + STOP));
    expect(outcome).toMatchObject({ ok: false, failure: 'stream_broken' });
  });
});

describe('a stream whose blocks are not ended, although its message is', () => {
  const opened = (index: number, content: object, delta: object) =>
    event({ type: 'content_block_start', index, content_block: content }) +
    event({ type: 'content_block_delta', index, delta });
  const TEXT = opened(0, { type: 'text', text: '' }, { type: 'text_delta', text: 'hello' });
  const tool = (json: string) =>
    opened(1, { type: 'tool_use', id: 't', name: 'f', input: {} }, { type: 'input_json_delta', partial_json: json });

  test.each([
    ['an end marker', STOP],
    ['only a stop reason', ''],
  ])('is whole with %s: text and tool calls are there', async (_, end) => {
    const { outcome, chunks } = await stream(sse(START + TEXT + tool('{"a":1}') + ends('tool_use') + end));
    const call = { id: 't', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    expect(outcome).toMatchObject({
      ok: true,
      answer: { choices: [{ finish_reason: 'tool_calls', message: { content: 'hello', tool_calls: [call] } }] },
    });
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] });
  });

  test('ended late, it is the same', async () => {
    const late = event({ type: 'content_block_stop', index: 1 });
    const { outcome } = await stream(sse(START + TEXT + tool('{"a":1}') + ends('tool_use') + late + STOP));
    expect(outcome).toMatchObject({ ok: true, answer: { choices: [{ finish_reason: 'tool_calls' }] } });
  });

  test('is broken where the arguments of the call are', async () => {
    const { outcome } = await stream(sse(START + TEXT + tool('{"a":') + ends('tool_use') + STOP));
    expect(outcome).toMatchObject({ ok: false, failure: 'stream_broken' });
  });

  test('is broken without a stop reason', async () => {
    const { outcome } = await stream(sse(START + TEXT + tool('{"a":1}') + STOP));
    expect(outcome).toMatchObject({ ok: false, failure: 'stream_broken' });
  });
});

describe('a silent stream', () => {
  test.each([
    ['before headers', () => undefined],
    ['after headers', sse('\n', true)],
    ['after message_start', sse(START, true)],
  ])('%s ends at the limit for the first token, and so does its connection', async (_, answer) => {
    const { outcome, received } = await stream(answer, { limits: QUICK });
    expect(outcome).toMatchObject({ ok: false, failure: 'timeout', deadline: 'first_token' });
    await received[0]?.cut;
  });

  test('that only pings is silent', async () => {
    const { outcome } = await stream(
      (response) => {
        sse(START, true)(response);
        const pings = setInterval(() => response.write(PING), 20);
        response.on('close', () => clearInterval(pings));
      },
      { limits: QUICK },
    );
    expect(outcome).toMatchObject({ ok: false, failure: 'timeout', deadline: 'first_token' });
  });

  test('that fell silent ends at the idle limit', async () => {
    const { outcome, received } = await stream(sse(START + text('hello'), true), { limits: QUICK });
    expect(outcome).toMatchObject({ ok: false, failure: 'timeout', deadline: 'idle', discardedChars: 5 });
    await received[0]?.cut;
  });

  test('that the caller leaves is cancelled', async () => {
    const controller = new AbortController();
    const onDelta = () => controller.abort();
    const { outcome, received } = await stream(sse(START + text('hello'), true), {
      signal: controller.signal,
      onDelta,
    });
    expect(outcome).toMatchObject({ ok: false, failure: 'cancelled' });
    await received[0]?.cut;
  });
});
