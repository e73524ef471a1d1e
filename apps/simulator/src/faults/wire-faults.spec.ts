// What a caller receives of every fault, over a real socket: as a body and as a stream, in each wire format.
import { request } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, startForSpec, type Received } from '../simulator.fixture.js';

const TOKENS = 6;
const WIRES = [
  {
    wire: 'openai',
    path: '/p/v1/chat/completions',
    headers: {},
    token: /"delta":\{"content":"/g,
    finish: /"finish_reason":"(length|stop)"/,
    done: /data: \[DONE\]\n\n$/,
    error: /\{"error":\{"message":"[^"]+","type":"server_error"/,
    // role, tokens, finish, [DONE]
    events: 1 + TOKENS + 2,
  },
  {
    wire: 'anthropic',
    path: '/p/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    token: /"delta":\{"type":"text_delta"/g,
    finish: /"stop_reason":"(max_tokens|end_turn)"/,
    done: /data: \{"type":"message_stop"\}\n\n$/,
    error: /^event: error\ndata: \{"type":"error","error":\{"type":"server_error"/,
    // start, block start, ping, tokens, block stop, delta, stop
    events: 3 + TOKENS + 3,
  },
];

let simulator: Awaited<ReturnType<typeof startForSpec>>;
beforeAll(async () => {
  simulator = await startForSpec({ script: { latency: { kind: 'fixed', ms: 0 }, providers: { p: {} } } });
});
afterAll(() => simulator.close());
beforeEach(async () => {
  await simulator.admin('DELETE', '/faults');
  await simulator.admin('DELETE', '/calls');
});

async function inject(fault: object, rest: object = {}): Promise<void> {
  const reply = await simulator.admin('POST', '/faults', { provider: 'p', fault, ...rest });
  expect(reply.text).toMatch(/^\{"id":/);
}
const eventsIn = (text: string): string[] => text.split('\n\n').filter((event) => event.includes('data: '));
const dataOf = (event: string): string => /data: (.*)/.exec(event)?.[1] ?? '';

describe.each(WIRES)('in the $wire format', ({ wire, path, headers, token, finish, done, error, events }) => {
  /** Silence is waited for, and what is to come may come late on a busy machine. */
  const patienceFor = (end: Received['end']) => (end === 'silence' ? 600 : undefined);
  const receive = (stream: boolean, fields: object = {}, silenceMs?: number): Promise<Received> =>
    simulator.receive(path, ask('m', { stream, max_tokens: TOKENS, ...fields }), headers, silenceMs);
  const tokensIn = (text: string): number => text.match(token)?.length ?? 0;

  it('a stream without a fault has every event', async () => {
    const { text, end, headers: received } = await receive(true);
    expect([tokensIn(text), eventsIn(text).length, end]).toEqual([TOKENS, events, 'complete']);
    expect(text).toMatch(finish);
    expect(text).toMatch(done);
    expect(received[wire === 'openai' ? 'x-request-id' : 'request-id']).toMatch(/^req_/);
  });

  /** Fault; then of a stream how it ends, its tokens, whether there is a stop reason and an end marker. */
  it.each<[fault: object, end: Received['end'], tokens: number, hasFinish: boolean, hasDone: boolean]>([
    [{ kind: 'reset', at: 'after-headers' }, 'broken', 0, false, false],
    [{ kind: 'reset', at: 'mid-body' }, 'broken', 3, false, false],
    [{ kind: 'reset', at: 'mid-body', afterChunks: 5 }, 'broken', 5, false, false],
    [{ kind: 'stall' }, 'silence', 0, false, false],
    [{ kind: 'stall', afterChunks: 4 }, 'silence', 4, false, false],
    [{ kind: 'stall', afterChunks: 4, forMs: 60 }, 'complete', TOKENS, true, true],
    [{ kind: 'slow-first-token', ms: 60 }, 'complete', TOKENS, true, true],
    [{ kind: 'cut' }, 'complete', 3, false, false],
    [{ kind: 'cut', afterChunks: 0 }, 'complete', 0, false, false],
    [{ kind: 'cut', afterChunks: 99 }, 'complete', TOKENS, false, false],
    [{ kind: 'cut', afterChunks: 2, finish: true }, 'complete', 2, true, false],
    [{ kind: 'cut', afterChunks: 2, abrupt: true }, 'broken', 2, false, false],
    [{ kind: 'no-done' }, 'complete', TOKENS, true, false],
    [{ kind: 'no-done', finish: false }, 'complete', TOKENS, false, false],
    [{ kind: 'slow-drip', tokensPerSecond: 200 }, 'complete', TOKENS, true, true],
    [{ kind: 'slow-drip', bytesPerSecond: 40_000 }, 'complete', TOKENS, true, true],
    [{ kind: 'slow-drip', bytesPerSecond: 40_000, headers: true }, 'complete', TOKENS, true, true],
    [{ kind: 'unavailable-after-finish' }, 'silence', TOKENS, true, true],
    [{ kind: 'empty-content' }, 'complete', 0, true, true],
    [{ kind: 'role-only' }, 'complete', 0, false, true],
    [{ kind: 'empty-body' }, 'complete', 0, false, false],
    [{ kind: 'null-body' }, 'complete', 0, false, false],
    [{ kind: 'no-choices' }, 'complete', 0, wire === 'anthropic', true],
    [{ kind: 'empty-choices' }, 'complete', 0, wire === 'anthropic', true],
  ])('%o leaves of a stream what it should', async (fault, end, tokens, hasFinish, hasDone) => {
    await inject(fault);
    const { status, text, end: ended } = await receive(true, {}, patienceFor(end));
    expect({ status, end: ended, tokens: tokensIn(text) }).toEqual({ status: 200, end, tokens });
    expect(finish.test(text)).toBe(hasFinish);
    expect(done.test(text)).toBe(hasDone);
  });

  /** Fault; then of a body how it ends, and whether it is JSON. */
  it.each<[fault: object, status: number, end: Received['end'], isJson: boolean]>([
    [{ kind: 'reset' }, 0, 'broken', false],
    [{ kind: 'reset', at: 'after-headers' }, 200, 'broken', false],
    [{ kind: 'reset', at: 'mid-body' }, 200, 'broken', false],
    [{ kind: 'down', mode: 'hang' }, 0, 'silence', false],
    [{ kind: 'stall' }, 200, 'silence', false],
    [{ kind: 'stall', afterChunks: 1 }, 200, 'silence', false],
    [{ kind: 'stall', forMs: 60 }, 200, 'complete', true],
    [{ kind: 'slow-first-token', ms: 60 }, 200, 'complete', true],
    [{ kind: 'cut' }, 200, 'broken', false],
    [{ kind: 'no-done' }, 200, 'complete', true],
    [{ kind: 'malformed-event' }, 200, 'complete', false],
    [{ kind: 'garbage' }, 200, 'complete', false],
    [{ kind: 'keep-alive-only', intervalMs: 1_000 }, 200, 'silence', false],
    [{ kind: 'slow-drip', bytesPerSecond: 20_000, headers: true }, 200, 'complete', true],
    [{ kind: 'unavailable-after-finish' }, 200, 'silence', true],
    [{ kind: 'empty-body' }, 200, 'complete', false],
    [{ kind: 'html' }, 200, 'complete', false],
    [{ kind: 'null-body' }, 200, 'complete', true],
    [{ kind: 'huge', megabytes: 0.5 }, 200, 'complete', true],
    [{ kind: 'no-usage' }, 200, 'complete', true],
  ])('%o leaves of a body what it should', async (fault, status, end, isJson) => {
    await inject(fault);
    const received = await receive(false, {}, patienceFor(end));
    expect([received.status, received.end]).toEqual([status, end]);
    const parse = (): unknown => JSON.parse(received.text);
    if (isJson) expect(parse).not.toThrow();
    else expect(parse).toThrow(SyntaxError);
  });

  it.each([1, 2, 5])('malformed-event breaks event %i of a stream and no other', async (event) => {
    await inject({ kind: 'malformed-event', event });
    const broken = eventsIn((await receive(true)).text).map((text) => {
      try {
        return dataOf(text) !== '[DONE]' && JSON.parse(dataOf(text)) === undefined;
      } catch {
        return true;
      }
    });
    expect(broken).toEqual(Array.from({ length: events }, (_, index) => index === event - 1));
  });

  it.each([1, 4])('error-event is event %i of a stream and the last, or the body', async (event) => {
    await inject({ kind: 'error-event', event, status: 529, type: 'server_error', message: 'gone' });
    const stream = await receive(true);
    expect(eventsIn(stream.text)).toHaveLength(event);
    const shape = { type: 'server_error', message: 'gone' };
    expect(JSON.parse(dataOf(eventsIn(stream.text).at(-1) ?? ''))).toMatchObject({ error: shape });
    expect(JSON.parse((await receive(false)).text)).toMatchObject({ error: shape });
  });

  it('error-in-200 is the only event of a stream', async () => {
    await inject({ kind: 'error-in-200', type: 'server_error' });
    const { text } = await receive(true);
    expect(eventsIn(text)).toHaveLength(1);
    expect(text).toMatch(error);
  });

  it('keep-alive-only goes on for ever and says nothing', async () => {
    await inject({ kind: 'keep-alive-only', intervalMs: 5 });
    const caller = new AbortController();
    const { body } = await request(simulator.url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(ask('m', { stream: true, max_tokens: TOKENS })),
      signal: caller.signal,
    });
    let text = '';
    await expect(async () => {
      for await (const chunk of body) if ((text += String(chunk)).length > 200) caller.abort();
    }).rejects.toThrow(/abort/i);
    expect(text).toMatch(wire === 'openai' ? /^(: keep-alive\n\n)+$/ : /^(event: ping\ndata: \{"type":"ping"\}\n\n)+$/);
    await expect.poll(async () => (await calls())[0]).toMatchObject({ status: 'aborted', fault: 'keep-alive-only' });
  });

  it('huge without a size never ends, and stops when the caller leaves', async () => {
    await inject({ kind: 'huge' });
    const caller = new AbortController();
    const { body } = await request(simulator.url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(ask('m', { stream: true, max_tokens: TOKENS })),
      signal: caller.signal,
    });
    let bytes = 0;
    await expect(async () => {
      for await (const chunk of body) if ((bytes += (chunk as Buffer).length) > 4_000_000) caller.abort();
    }).rejects.toThrow(/abort/i);
    await expect.poll(async () => (await calls())[0]).toMatchObject({ status: 'aborted', aborted: true });
  });

  it('huge has at least its megabytes', async () => {
    await inject({ kind: 'huge', megabytes: 2 });
    for (const stream of [false, true]) {
      const { bytes, end, text } = await receive(stream);
      expect(end).toBe('complete');
      expect(bytes.length).toBeGreaterThanOrEqual(2 * 1024 * 1024);
      expect(bytes.length).toBeLessThan(2.2 * 1024 * 1024);
      if (stream) expect(done.test(text)).toBe(true);
    }
  });

  it('invalid-utf8 is in the text of an answer that is whole otherwise', async () => {
    await inject({ kind: 'invalid-utf8' });
    for (const stream of [false, true]) {
      const { bytes, text, end } = await receive(stream);
      expect(end).toBe('complete');
      expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow(TypeError);
      if (!stream) expect(JSON.parse(text)).toMatchObject({ model: 'm' });
    }
  });

  it('finish replaces the stop reason, and can keep some tokens only', async () => {
    await inject({ kind: 'finish', reason: 'insufficient_system_resource', afterChunks: 2 });
    for (const stream of [false, true]) {
      const { text } = await receive(stream);
      expect(text).toMatch(/"(finish|stop)_reason":"insufficient_system_resource"/);
      expect(text).not.toMatch(finish);
      if (stream) expect(tokensIn(text)).toBe(2);
    }
  });

  it('served-model names another model', async () => {
    await inject({ kind: 'served-model', model: 'another' });
    for (const stream of [false, true]) expect((await receive(stream)).text).toContain('"model":"another"');
  });

  it('no-usage counts nothing', async () => {
    await inject({ kind: 'no-usage' });
    const fields = wire === 'openai' ? { stream_options: { include_usage: true } } : {};
    for (const stream of [false, true]) {
      const { text, end } = await receive(stream, fields);
      expect(text).not.toContain('usage');
      expect(end).toBe('complete');
    }
  });

  it('reject-prefill refuses a conversation that ends with the assistant, and no other', async () => {
    await inject({ kind: 'reject-prefill' });
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'The' },
    ];
    expect(await receive(false, { messages })).toMatchObject({ status: 400, text: expect.stringContaining('prefill') });
    expect(await receive(true)).toMatchObject({ status: 200 });
  });

  it('status has the body and the headers it was given, word for word', async () => {
    const given = { 'Content-Type': 'text/plain', 'retry-after': '1e6' };
    await inject({ kind: 'status', status: 502, body: 'upstream connect error', headers: given });
    for (const stream of [false, true]) {
      const { status, text, headers: received } = await receive(stream);
      expect([status, text]).toEqual([502, 'upstream connect error']);
      expect(received).toMatchObject({ 'content-type': 'text/plain', 'retry-after': '1e6' });
    }
  });

  it('slow-drip at tokens per second takes its time', async () => {
    await inject({ kind: 'slow-drip', tokensPerSecond: 50 });
    const startedMs = performance.now();
    await receive(true);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(TOKENS * 20 - 2);
  });

  it('a record tells how many chunks a stream sent and that its caller left', async () => {
    await inject({ kind: 'stall', afterChunks: 4 });
    await receive(true);
    await expect
      .poll(async () => (await calls())[0])
      .toMatchObject({ wire, operation: 'chat', status: 'hang', chunksSent: 4, aborted: true });
  });
});

describe('which requests a fault meets', () => {
  const statuses = async (count: number): Promise<string> => {
    const seen: number[] = [];
    for (let sent = 0; sent < count; sent++) seen.push((await simulator.complete('p', ask('m'))).status);
    return seen.join(' ');
  };

  it.each([
    [{ onRequests: [2, 3] }, '200 503 503 200'],
    [{ afterRequests: 2 }, '200 200 503 503'],
    [{ afterRequests: 1, forRequests: 1 }, '200 503 200 200'],
  ])('%j', async (span, expected) => {
    await inject({ kind: 'down' }, span);
    expect(await statuses(4)).toBe(expected);
  });

  it.each([
    [{ onRequests: [3, 2] }, 'onRequests'],
    [{ onRequests: [0, 1] }, 'onRequests.0'],
    [{ onRequests: 3 }, 'onRequests'],
    [{ onRequests: [1, 2], forRequests: 1 }, 'onRequests'],
    [{ afterRequests: -1 }, 'afterRequests'],
  ])('%j is refused, naming %s', async (span, field) => {
    const reply = await simulator.admin('POST', '/faults', { provider: 'p', fault: { kind: 'down' }, ...span });
    expect([reply.status, reply.json<any>().error.field]).toEqual([400, field]);
  });

  it.each([
    [{ kind: 'slow-drip' }, 'fault.bytesPerSecond'],
    [{ kind: 'slow-drip', tokensPerSecond: 1, headers: true }, 'fault.headers'],
    [{ kind: 'reset', at: 'sometime' }, 'fault.at'],
    [{ kind: 'error-event', event: 0 }, 'fault.event'],
    [{ kind: 'finish' }, 'fault.reason'],
    [{ kind: 'status', status: 500, headers: { a: 'b\r\nc: d' } }, 'fault.headers.a'],
  ])('%j is refused, naming %s', async (fault, field) => {
    const reply = await simulator.admin('POST', '/faults', { provider: 'p', fault });
    expect([reply.status, reply.json<any>().error.field]).toEqual([400, field]);
  });
});

async function calls(): Promise<object[]> {
  return (await simulator.admin('GET', '/calls')).json<{ calls: object[] }>().calls;
}
