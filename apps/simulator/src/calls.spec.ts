import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallLog } from './call-log.js';
import type { CallCount, CallRecord } from './open-call.js';
import { ask, startForSpec } from './simulator.fixture.js';

let simulator: Awaited<ReturnType<typeof startForSpec>>;

beforeAll(async () => {
  const latency = { kind: 'fixed', ms: 1 } as const;
  const slow = { latency: { kind: 'fixed', ms: 60_000 } } as const;
  const trickling = { latency: { kind: 'fixed', ms: 0, perTokenMs: 50 } } as const;
  const models = { m: {}, n: {}, slow, trickling };
  simulator = await startForSpec({ script: { latency, providers: { p: { models }, q: { models } } } });
});
afterAll(() => simulator.close());
beforeEach(async () => {
  await simulator.admin('DELETE', '/faults');
  await simulator.admin('DELETE', '/calls');
});

async function calls(query = ''): Promise<{ total: number; calls: CallRecord[] }> {
  return (await simulator.admin('GET', `/calls${query}`)).json();
}
async function counts(): Promise<Record<string, Record<string, CallCount>>> {
  return (await simulator.admin('GET', '/counts')).json();
}

describe('the record of a call', () => {
  it('tells when it came, to whom, how it ended, and nothing of its text', async () => {
    const beforeMs = Date.now();
    await simulator.complete('p', ask('m', { max_tokens: 5, messages: [{ role: 'user', content: 'a secret' }] }));
    const reply = await simulator.admin('GET', '/calls');
    const [call] = reply.json<{ calls: CallRecord[] }>().calls;
    expect(call).toEqual({
      seq: expect.any(Number),
      at: expect.any(Number),
      provider: 'p',
      model: 'm',
      status: 200,
      latencyMs: expect.any(Number),
      wire: 'openai',
      operation: 'chat',
      stream: false,
      chunksSent: 0,
      maxTokens: 5,
      promptChars: 8,
      aborted: false,
    });
    expect(call!.at).toBeGreaterThanOrEqual(beforeMs);
    expect(call!.latencyMs).toBeGreaterThan(0.5);
    expect(reply.text).not.toContain('secret');
  });

  it('names the fault it met, and its status even when there was none', async () => {
    for (const mode of ['status', 'reset']) {
      await simulator.admin('POST', `/providers/p/kill?mode=${mode}`);
      await simulator.complete('p', ask('m')).catch(() => undefined);
    }
    expect((await calls()).calls).toMatchObject([
      { status: 503, fault: 'down', aborted: false },
      { status: 'reset', fault: 'down', aborted: false },
    ]);
  });

  it('is there as soon as the call has come, and shows when the caller leaves', async () => {
    const caller = new AbortController();
    const left = simulator.complete('p', ask('slow'), {}, caller.signal).catch(() => 'left');
    await expect.poll(async () => (await calls()).calls).toMatchObject([{ status: 'pending', latencyMs: null }]);
    expect(await counts()).toEqual({ p: { slow: { total: 1, byStatus: { pending: 1 } } } });
    caller.abort();
    expect(await left).toBe('left');
    await expect.poll(async () => (await calls()).calls).toMatchObject([{ status: 'aborted', aborted: true }]);
    expect(await counts()).toEqual({ p: { slow: { total: 1, byStatus: { aborted: 1 } } } });
  });

  it('shows a caller that leaves in the middle of a stream', async () => {
    const caller = new AbortController();
    const body = ask('trickling', { stream: true, max_tokens: 4_000 });
    const left = simulator.complete('p', body, {}, caller.signal).catch(() => 'left');
    await expect.poll(async () => (await calls()).total).toBe(1);
    caller.abort();
    expect(await left).toBe('left');
    await expect
      .poll(async () => (await calls()).calls[0])
      .toMatchObject({ status: 'aborted', aborted: true, stream: true });
  });

  it('of a call that hung stays one of a call that hung', async () => {
    await simulator.admin('POST', '/providers/p/kill?mode=hang');
    const caller = new AbortController();
    const left = simulator.complete('p', ask('m'), {}, caller.signal).catch(() => 'left');
    await expect.poll(async () => (await calls()).calls).toMatchObject([{ status: 'hang', aborted: false }]);
    caller.abort();
    await left;
    await expect.poll(async () => (await calls()).calls).toMatchObject([{ status: 'hang', aborted: true }]);
  });
});

it('a caller that leaves in the middle of its request is no call, and harms nobody', async () => {
  const socket = connect(simulator.port, '127.0.0.1');
  socket.write('POST /p/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"model":');
  await once(socket, 'connect');
  socket.destroy();
  await simulator.complete('p', ask('m'));
  expect(await counts()).toEqual({ p: { m: { total: 1, byStatus: { 200: 1 } } } });
});

describe('asking for calls', () => {
  it('filters by provider, model and time, and shows the last ones of all that match', async () => {
    for (const [provider, model] of ['pm', 'pn', 'qm', 'pm']) await simulator.complete(provider!, ask(model!));
    const shown = async (query: string) => {
      const { total, calls: some } = await calls(query);
      return `${total}: ${some.map((call) => call.provider + call.model).join(' ')}`;
    };
    expect(await shown('')).toBe('4: pm pn qm pm');
    expect(await shown('?provider=p')).toBe('3: pm pn pm');
    expect(await shown('?provider=p&model=m')).toBe('2: pm pm');
    expect(await shown('?limit=2')).toBe('4: qm pm');
    expect(await shown('?limit=0')).toBe('4: ');
    expect(await shown(`?since=${(await calls()).calls[0]!.at}`)).toBe('4: pm pn qm pm');
    expect(await shown(`?since=${Date.now() + 60_000}`)).toBe('0: ');
  });

  it('counts by provider, model and status; refused calls too', async () => {
    await simulator.complete('p', ask('m'));
    await simulator.complete('p', ask('m'));
    await simulator.complete('p', ask('absent'));
    await simulator.admin('POST', '/providers/q/kill');
    await simulator.complete('q', ask('n'));
    expect(await counts()).toEqual({
      p: { m: { total: 2, byStatus: { 200: 2 } }, absent: { total: 1, byStatus: { 404: 1 } } },
      q: { n: { total: 1, byStatus: { 503: 1 } } },
    });
  });

  it('forgets one provider, or all', async () => {
    await simulator.complete('p', ask('m'));
    await simulator.complete('q', ask('m'));
    await simulator.admin('DELETE', '/calls?provider=p');
    expect((await calls()).calls).toMatchObject([{ provider: 'q' }]);
    expect(Object.keys(await counts())).toEqual(['q']);
    await simulator.admin('DELETE', '/calls');
    expect([await calls(), await counts()]).toEqual([{ total: 0, calls: [] }, {}]);
  });
});

const chatCall = { wire: 'openai', operation: 'chat', stream: false, maxTokens: null, promptChars: 0 } as const;

it('the log keeps the latest details only, and counts all calls', () => {
  const log = new CallLog({ keptCalls: 3 });
  for (let call = 0; call < 5; call++) {
    log.open({ provider: 'p', model: 'm', ...chatCall }).end(200);
  }
  expect(log.list({}, 10).calls.map((call) => call.seq)).toEqual([3, 4, 5]);
  expect(log.countsByModel()).toEqual({ p: { m: { total: 5, byStatus: { 200: 5 } } } });
});
