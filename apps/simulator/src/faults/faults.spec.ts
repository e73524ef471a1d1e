// Every kind of fault as a caller meets it, over a real socket. The rules of who meets which are in active-faults.spec.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, startForSpec } from '../simulator.fixture.js';

let simulator: Awaited<ReturnType<typeof startForSpec>>;

beforeAll(async () => {
  const latency = { kind: 'fixed', ms: 5 } as const;
  simulator = await startForSpec({ script: { latency, providers: { p: { models: { m: {}, n: {} } } } } });
});
afterAll(() => simulator.close());
beforeEach(async () => void (await simulator.admin('DELETE', '/faults')));

async function inject(fault: object, rest: object = {}): Promise<string> {
  const reply = await simulator.admin('POST', '/faults', { provider: 'p', fault, ...rest });
  expect(reply.text).toMatch(/^\{"id":/);
  return reply.json<{ id: string }>().id;
}

describe('an error answer', () => {
  it.each([
    [{ kind: 'down' }, 503, { code: 'server_is_overloaded', type: 'service_unavailable_error' }],
    [{ kind: 'down', status: 529 }, 529, { type: 'server_error' }],
    [{ kind: 'rate-limit' }, 429, { code: 'rate_limit_exceeded', type: 'rate_limit_error' }],
    [{ kind: 'flaky', ratio: 1 }, 500, { type: 'server_error' }],
    [{ kind: 'flaky', ratio: 1, status: 502 }, 502, { type: 'server_error' }],
    [
      { kind: 'status', status: 429, code: 'insufficient_quota', type: 'insufficient_quota', message: 'No money.' },
      429,
      { code: 'insufficient_quota', type: 'insufficient_quota', message: 'No money.' },
    ],
    [{ kind: 'status', status: 401 }, 401, { type: 'authentication_error', code: null }],
  ])('of %o has its status and the OpenAI shape', async (fault, status, error) => {
    await inject(fault);
    const reply = await simulator.complete('p', ask('m'));
    expect(reply.status).toBe(status);
    const shape = { message: expect.stringContaining('simulated'), param: null, code: null };
    expect(reply.json()).toEqual({ error: { ...shape, ...error } });
  });

  it('carries the headers it was given', async () => {
    await inject({
      kind: 'status',
      status: 429,
      headers: { 'Retry-After': 'Wed, 21 Oct 2015 07:28:00 GMT', 'x-should-retry': 'false' },
    });
    const { headers } = await simulator.complete('p', ask('m'));
    expect(headers).toMatchObject({ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT', 'x-should-retry': 'false' });
  });

  it('of a rate limit tells how long to wait', async () => {
    await inject({ kind: 'rate-limit', retryAfterSeconds: 7 });
    expect((await simulator.complete('p', ask('m'))).headers['retry-after']).toBe('7');
  });
});

describe('no answer', () => {
  it('a reset closes the connection without a word', async () => {
    await inject({ kind: 'down', mode: 'reset' });
    await expect(simulator.complete('p', ask('m'))).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/),
    });
  });

  it('a hang says nothing until the caller leaves', async () => {
    await inject({ kind: 'down', mode: 'hang' });
    const left = simulator.complete('p', ask('m'), {}, AbortSignal.timeout(100));
    await expect(left).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('a 200 that is no answer', () => {
  it.each([
    ['html', 'text/html', 'text/html', /^<!doctype html>/],
    ['empty-choices', 'application/json', 'text/event-stream', /"choices":\[\]/],
    ['garbage', 'application/json', 'text/event-stream', /"model":/],
    ['error-in-200', 'application/json', 'text/event-stream', /\{"error":\{"message":/],
  ])('%s comes as a body and as a stream', async (kind, bodyType, streamType, pattern) => {
    await inject({ kind });
    const body = await simulator.complete('p', ask('m'));
    const stream = await simulator.complete('p', ask('m', { stream: true }));
    expect([body.status, stream.status]).toEqual([200, 200]);
    expect(body.headers['content-type']).toContain(bodyType);
    expect(stream.headers['content-type']).toContain(streamType);
    expect(body.text).toMatch(pattern);
    expect(stream.text).toMatch(pattern);
    if (kind === 'garbage') expect(() => body.json()).toThrow(SyntaxError);
    if (streamType === 'text/event-stream') expect(stream.text).toMatch(/^data: /);
  });
});

describe('the time a fault takes', () => {
  it('of an error is none, of a 200 that of the answer', async () => {
    await inject({ kind: 'slow', addMs: 1_500 });
    const timed = async (fault: object): Promise<number> => {
      await inject(fault);
      const startedMs = performance.now();
      await simulator.complete('p', ask('m'));
      return performance.now() - startedMs;
    };
    expect(await timed({ kind: 'html' })).toBeGreaterThanOrEqual(1_499);
    expect(await timed({ kind: 'down' })).toBeLessThan(1_500);
  });
});

describe('a slow provider', () => {
  it('answers rightly, factor times later and then some', async () => {
    await inject({ kind: 'slow', factor: 10, addMs: 60 });
    const startedMs = performance.now();
    const reply = await simulator.complete('p', ask('m'));
    // 5 ms x 10 + 60 ms, less the millisecond a timer may be early.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(108);
    expect(reply.json()).toMatchObject({ object: 'chat.completion' });
  });
});

describe('the end of a fault', () => {
  it('of one model leaves the other model answering', async () => {
    await inject({ kind: 'down' }, { model: 'm' });
    expect((await simulator.complete('p', ask('m'))).status).toBe(503);
    expect((await simulator.complete('p', ask('n'))).status).toBe(200);
  });

  it('for n requests comes after n requests', async () => {
    await inject({ kind: 'down' }, { forRequests: 2 });
    const statuses = [];
    for (let request = 0; request < 3; request++) statuses.push((await simulator.complete('p', ask('m'))).status);
    expect(statuses).toEqual([503, 503, 200]);
  });

  it('for a time comes by itself', async () => {
    await inject({ kind: 'down' }, { forMs: 1_000 });
    expect((await simulator.complete('p', ask('m'))).status).toBe(503);
    await expect.poll(async () => (await simulator.complete('p', ask('m'))).status).toBe(200);
  });

  it('comes when it is deleted', async () => {
    const id = await inject({ kind: 'down' });
    expect((await simulator.admin('DELETE', `/faults/${id}`)).status).toBe(200);
    expect((await simulator.complete('p', ask('m'))).status).toBe(200);
  });
});
