import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, startForSpec } from './simulator.fixture.js';

let simulator: Awaited<ReturnType<typeof startForSpec>>;

beforeAll(async () => {
  simulator = await startForSpec({
    script: {
      latency: { kind: 'fixed', ms: 0 },
      providers: { p: { models: { m: {}, n: {} }, apiKey: 'a-secret-key' } },
    },
  });
});
afterAll(() => simulator.close());

/** A provider of its own for a test. */
async function createProvider(name: string): Promise<{ status: (model?: string) => Promise<number> }> {
  await simulator.admin('PUT', `/providers/${name}`, { models: { m: {}, n: {} } });
  return { status: async (model = 'm') => (await simulator.complete(name, ask(model))).status };
}

describe('providers over the admin API', () => {
  it('are created, replaced and removed', async () => {
    expect((await simulator.complete('mine', ask('m'))).status).toBe(404);
    const mine = await createProvider('mine');
    expect(await mine.status()).toBe(200);
    await simulator.admin('PUT', '/providers/mine', { models: { other: {} } });
    expect([await mine.status('m'), await mine.status('other')]).toEqual([404, 200]);
    await simulator.admin('DELETE', '/providers/mine');
    expect(await mine.status('other')).toBe(404);
  });

  it('without a list of models answer any model', async () => {
    await simulator.admin('PUT', '/providers/any', {});
    expect((await simulator.complete('any', ask('whatever'))).status).toBe(200);
  });

  it.each([
    ['kill', {}, 503],
    ['kill', { status: 504 }, 504],
    ['rate-limit', { retryAfterSeconds: 1 }, 429],
    ['flaky', { ratio: 1 }, 500],
    ['slow', { addMs: 5 }, 200],
  ])('%s %o takes effect at once, and revive ends it', async (action, body, status) => {
    const provider = await createProvider(`with-${action}`);
    expect((await simulator.admin('POST', `/providers/with-${action}/${action}`, body)).json()).toEqual({
      id: expect.any(String),
    });
    expect(await provider.status()).toBe(status);
    expect((await simulator.admin('POST', `/providers/with-${action}/revive`)).json()).toEqual({ cleared: 1 });
    expect(await provider.status()).toBe(200);
  });

  it('one model is killed and revived alone', async () => {
    const provider = await createProvider('half');
    await simulator.admin('POST', '/providers/half/kill?model=m');
    expect([await provider.status('m'), await provider.status('n')]).toEqual([503, 200]);
    await simulator.admin('POST', '/providers/half/revive?model=m');
    expect(await provider.status('m')).toBe(200);
  });

  it('revive ends everything a provider has, its models included', async () => {
    const provider = await createProvider('sick');
    await simulator.admin('POST', '/providers/sick/kill?model=m');
    await simulator.admin('POST', '/providers/sick/flaky', { ratio: 1 });
    expect((await simulator.admin('POST', '/providers/sick/revive')).json()).toEqual({ cleared: 2 });
    expect([await provider.status('m'), await provider.status('n')]).toEqual([200, 200]);
  });
});

describe('the state', () => {
  it('shows providers, faults and timeline, and no key', async () => {
    await createProvider('shown');
    await simulator.admin('POST', '/providers/shown/kill', { forRequests: 3, model: 'm' });
    await simulator.complete('shown', ask('m'));
    const reply = await simulator.admin('GET', '/state');
    const state = reply.json<any>();
    expect(state.seed).toBe(1);
    expect(state.providers.p).toEqual({
      requiresKey: true,
      anyModel: false,
      models: { m: { latency: { kind: 'fixed', ms: 0 } }, n: { latency: { kind: 'fixed', ms: 0 } } },
    });
    expect(state.faults.filter((fault: any) => fault.provider === 'shown')).toEqual([
      {
        id: expect.any(String),
        provider: 'shown',
        model: 'm',
        fault: { kind: 'down', mode: 'status', status: 503 },
        setAt: expect.any(Number),
        requestsLeft: 2,
        hits: 1,
      },
    ]);
    expect(state.timeline).toEqual({ status: 'done', startedAt: expect.any(Number), entries: [] });
    expect(reply.text).not.toContain('a-secret-key');
  });

  it.each(['/ready', '/live'])('%s says ok', async (path) => {
    const reply = await simulator.send('GET', path);
    expect([reply.status, reply.json()]).toEqual([200, { status: 'ok' }]);
  });
});

describe('input that cannot be used', () => {
  it.each([
    ['POST', '/faults', '{"provider":', 400, 'body', 'must be JSON'],
    ['POST', '/faults', '[]', 400, 'body', 'must be a JSON object'],
    [
      'POST',
      '/faults',
      { provider: 'p', fault: { kind: 'sleepy' } },
      400,
      'fault.kind',
      'must be one of: down, rate-limit',
    ],
    ['POST', '/faults', { provider: 'p', fault: 'reset' }, 400, 'fault', 'must be an object such as {"kind"'],
    ['POST', '/faults', { provider: 'p', fault: { kind: 'flaky', ratio: 2 } }, 400, 'fault.ratio', '<=1'],
    [
      'POST',
      '/faults',
      { provider: 'p', fault: { kind: 'flaky', ratoi: 1, ratio: 1 } },
      400,
      'fault.ratoi',
      'check its spelling',
    ],
    ['POST', '/faults', { provider: 'p', fault: { kind: 'status', status: 200 } }, 400, 'fault.status', '400'],
    ['POST', '/faults', { provider: 'p', fault: { kind: 'slow' } }, 400, 'fault.factor', 'give factor, addMs or both'],
    [
      'POST',
      '/faults',
      { provider: 'nobody', fault: { kind: 'html' } },
      400,
      'provider',
      "no provider 'nobody'; there are: p",
    ],
    [
      'POST',
      '/faults',
      { provider: 'p', model: 'x', fault: { kind: 'html' } },
      400,
      'model',
      "no model 'x'; it has: m, n",
    ],
    ['POST', '/faults', { provider: 'p', fault: { kind: 'html' }, forRequests: 0 }, 400, 'forRequests', '>=1'],
    ['DELETE', '/faults/fault-999999', undefined, 404, 'id', 'GET /admin/state lists them'],
    ['DELETE', '/faults?model=m', undefined, 400, 'provider', 'must be given with model'],
    ['PUT', '/providers/admin', { models: {} }, 400, 'provider', 'must not be one of: admin'],
    ['PUT', '/providers/a%2Fb', { models: {} }, 400, 'provider', 'must be 1 to 100 letters'],
    ['PUT', '/providers/%E0', { models: {} }, 400, 'path', 'percent-encoding'],
    ['PUT', '/providers/x', { models: [] }, 400, 'models', 'expected record'],
    [
      'PUT',
      '/providers/x',
      { models: { m: { latency: { kind: 'fast' } } } },
      400,
      'models.m.latency.kind',
      'fixed, uniform',
    ],
    ['POST', '/providers/p/explode', undefined, 400, 'action', 'must be one of: kill, revive'],
    ['POST', '/providers/p/kill?mode=softly', undefined, 400, 'mode', 'must be one of: status, reset, hang'],
    ['POST', '/providers/p/kill?speed=1', undefined, 400, 'speed', 'check its spelling'],
    ['POST', '/providers/p/flaky', {}, 400, 'ratio', 'expected number'],
    ['POST', '/providers/nobody/kill', undefined, 400, 'provider', "no provider 'nobody'"],
    ['GET', '/calls?since=yesterday', undefined, 400, 'since', 'must be a whole number'],
    ['GET', '/calls?limit=-1', undefined, 400, 'limit', 'must be a whole number'],
    ['GET', '/everything', undefined, 404, 'path', 'GET /admin/state'],
    ['PATCH', '/faults', undefined, 405, 'method', 'use POST or DELETE'],
  ])('%s %s with %j gets %i naming %s', async (method, path, body, status, field, message) => {
    const reply = await simulator.admin(method, path, body);
    expect(reply.json()).toMatchObject({ error: { field, message: expect.stringContaining(message) } });
    expect(reply.status).toBe(status);
  });

  it('every problem is listed when there are several', async () => {
    const reply = await simulator.admin('POST', '/faults', { fault: { kind: 'flaky', ratio: 'x' } });
    expect(reply.json<any>().error.problems.map((problem: any) => problem.field)).toEqual(['provider', 'fault.ratio']);
  });

  it('a body beyond 1 MB gets 413', async () => {
    const reply = await simulator.admin('POST', '/faults', 'x'.repeat(1024 * 1024 + 1));
    expect([reply.status, reply.json<any>().error.field]).toEqual([413, 'body']);
  });
});
