import { parseConfig } from '#libs/config';
import { redisKeys } from '#libs/contracts';
import { connectRedis } from '#libs/redis';
import { ObservationWriter } from '#libs/store';
import { uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startAggregator, type RunningAggregator } from './aggregator.fixture.js';
import type { StatusReport } from './status.controller.js';

const redisUrl = process.env.REDIS_URL!;
const configWith = (modes: string) =>
  parseConfig(
    `
providers: { r: { kind: openai-compatible, baseUrl: http://127.0.0.1:1 }, d: { kind: openai-compatible, baseUrl: http://127.0.0.1:1 } }
targets:
  - { provider: r, model: m1, mode: relay }
  - { provider: r, model: m2, mode: relay }
  - { provider: d, model: m1, mode: direct }
modes: ${modes}
`,
    {},
  );

let prefix: string;
let reports: ObservationWriter;
let running: RunningAggregator[];

beforeEach(() => {
  prefix = uniquePrefix();
  running = [];
  reports = new ObservationWriter({ redisUrl, prefix, reporter: 'spec', batchMs: 5 });
});

afterEach(async () => {
  await Promise.all([...running.map((aggregator) => aggregator.stop()), reports.close()]);
});

async function start(modes = '{ switchAfterMs: 1500, returnAfterMs: 1500 }', adminKey?: string) {
  const at = { redisUrl, prefix, ...(adminKey && { adminKey }) };
  const aggregator = await startAggregator(at, configWith(modes));
  running.push(aggregator);
  return aggregator;
}

const statusOf = async ({ url }: RunningAggregator) => (await (await fetch(`${url}/status`)).json()) as StatusReport;
const modeIs = (aggregator: RunningAggregator, current: string) =>
  vi.waitFor(async () => expect((await statusOf(aggregator)).mode).toMatchObject({ current }), { interval: 50 });

function put({ url }: RunningAggregator, body: unknown, headers: Record<string, string> = {}) {
  const init = { method: 'PUT', headers: { 'content-type': 'application/json', ...headers } };
  return fetch(`${url}/mode`, { ...init, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

const problemOf = async (answer: Response) =>
  [answer.status, ((await answer.json()) as { error: { message: string } }).error.message] as const;

function failEach(...targets: string[]): void {
  for (const target of targets)
    for (let i = 0; i < 5; i++)
      reports.report({
        target,
        source: 'traffic',
        outcome: 'server_error',
        latencyMs: 0,
        at: Date.now(),
        errorMessage: '503',
      });
}

describe('the mode', () => {
  test('it switches when every relay target has failed for long enough, and one line says which, since when and why', async () => {
    const aggregator = await start();
    await modeIs(aggregator, 'relay');
    failEach('r/m1');
    await vi.waitFor(async () =>
      expect((await statusOf(aggregator)).targets.find(({ target }) => target === 'r/m1')?.available).toBe(false),
    );
    expect((await statusOf(aggregator)).mode).toMatchObject({ current: 'relay', countingSince: null });
    // Nobody proves them well: without probes they become half-open, and stay there.
    failEach('r/m2');
    await modeIs(aggregator, 'direct');
    const lines = aggregator.logs.filter(({ event }) => event === 'llm.mode.change');
    expect(lines).toEqual([
      expect.objectContaining({
        from: 'relay',
        to: 'direct',
        reason: 'primary_failing',
        targets: [
          expect.objectContaining({
            target: 'r/m1',
            state: 'unavailable',
            since: expect.any(Number),
            lastError: '503',
          }),
          expect.objectContaining({
            target: 'r/m2',
            state: 'unavailable',
            since: expect.any(Number),
            lastError: '503',
          }),
        ],
      }),
    ]);
    const metrics = await (await fetch(`${aggregator.url}/metrics`)).text();
    expect(metrics).toContain('ai_mode{mode="direct"} 1');
    expect(metrics).toContain('ai_mode_switches_total{from="relay",to="direct",reason="primary_failing"} 1');
  });

  test('what was counted survives a change of the leader', async () => {
    const first = await start('{ switchAfterMs: 3000 }');
    await modeIs(first, 'relay');
    failEach('r/m1', 'r/m2');
    const since = await vi.waitFor(async () => {
      const { mode } = await statusOf(first);
      expect(mode?.countingSince).not.toBe(null);
      return mode?.countingSince;
    });
    await first.kill();
    const second = await start('{ switchAfterMs: 3000 }');
    await vi.waitFor(async () => expect((await statusOf(second)).role).toBe('leader'));
    expect((await statusOf(second)).mode?.countingSince ?? since).toBe(since);
    await modeIs(second, 'direct');
  });

  test("an operator's word counts within a second, and for an aggregator that starts later", async () => {
    const first = await start();
    await modeIs(first, 'relay');
    expect((await put(first, { mode: 'direct', reason: 'the relay bills twice' })).status).toBe(200);
    await modeIs(first, 'direct');
    await first.stop();

    const second = await start();
    await modeIs(second, 'direct');
    await vi.waitFor(async () => expect((await statusOf(second)).role).toBe('leader'));
    expect((await statusOf(second)).mode).toMatchObject({ current: 'direct', setTo: 'direct', reason: 'manual' });
    const report = (await (await fetch(`${second.url}/mode`)).json()) as { setting: unknown };
    expect(report.setting).toMatchObject({ mode: 'direct', reason: 'the relay bills twice' });
    await put(second, { mode: 'auto', reason: 'mended' });
    await modeIs(second, 'relay');
  });
});

describe('two aggregators', () => {
  const changesOf = (...aggregators: RunningAggregator[]) =>
    aggregators.flatMap(({ logs }) => logs).filter(({ event }) => event === 'llm.mode.change');
  const isLeader = async (aggregator: RunningAggregator) => (await statusOf(aggregator)).role === 'leader';
  const leads = async (aggregator: RunningAggregator): Promise<void> => {
    await expect.poll(() => isLeader(aggregator), { timeout: 15_000 }).toBe(true);
  };
  /** Starts two; the one that leads comes first. */
  const startTwo = async (modes?: string): Promise<[RunningAggregator, RunningAggregator]> => {
    const [one, other] = [await start(modes), await start(modes)];
    await expect.poll(async () => (await isLeader(one)) || (await isLeader(other)), { timeout: 15_000 }).toBe(true);
    return (await isLeader(one)) ? [one, other] : [other, one];
  };

  test('a word that the standby takes counts in both, and is kept by it when the leader dies: one change, one line', async () => {
    const [leader, standby] = await startTwo();
    expect((await put(standby, { mode: 'direct', reason: 'drill' })).status).toBe(200);
    await Promise.all([modeIs(leader, 'direct'), modeIs(standby, 'direct')]);
    await leader.kill();
    await leads(standby);
    expect((await statusOf(standby)).mode).toMatchObject({ current: 'direct', setTo: 'direct', reason: 'manual' });
    expect(changesOf(leader, standby)).toMatchObject([{ from: 'relay', to: 'direct', reason: 'manual' }]);
  }, 40_000);

  test('one outage is one change, although the leader dies between its beginning and the switch', async () => {
    const [leader, standby] = await startTwo('{ switchAfterMs: 8000 }');
    failEach('r/m1', 'r/m2');
    await vi.waitFor(async () => expect((await statusOf(standby)).mode?.countingSince).toBeGreaterThan(0), 10_000);
    await leader.kill();
    await vi.waitFor(async () => expect((await statusOf(standby)).mode).toMatchObject({ current: 'direct' }), 30_000);
    const changes = changesOf(leader, standby);
    expect(changes).toMatchObject([{ to: 'direct', reason: 'primary_failing' }]);
    expect(changes[0]!['after_ms']).toBeGreaterThanOrEqual(8_000);
  }, 60_000);
});

describe('a Redis that comes back empty', () => {
  test("does not lose an operator's word, and one who takes it back is obeyed", async () => {
    const aggregator = await start();
    await modeIs(aggregator, 'relay');
    await put(aggregator, { mode: 'direct', reason: 'drill' });
    await modeIs(aggregator, 'direct');
    const { modeSetting } = redisKeys(prefix);
    const redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
    const keys = await redis.keys(`${prefix.replaceAll(/[{}]/g, '?')}*`);
    expect(keys).toContain(modeSetting);
    await redis.del(...keys);
    await vi.waitFor(
      async () => expect(JSON.parse((await redis.get(modeSetting)) ?? '{}')).toMatchObject({ mode: 'direct' }),
      10_000,
    );
    await vi.waitFor(() => expect(aggregator.logs.filter(({ event }) => event === 'llm.mode.kept')).toHaveLength(1));
    expect((await statusOf(aggregator)).mode).toMatchObject({ current: 'direct', setTo: 'direct' });
    await put(aggregator, { mode: 'auto', reason: 'over' });
    await modeIs(aggregator, 'relay');
    expect(aggregator.logs.filter(({ event }) => event === 'llm.mode.change').map(({ to }) => to)).toEqual([
      'direct',
      'relay',
    ]);
    redis.disconnect();
  }, 40_000);
});

describe('the door', () => {
  test('it names the field that is wrong, and changes nothing', async () => {
    const aggregator = await start();
    const [status, message] = await problemOf(await put(aggregator, { mode: 'sideways', reason: 'x' }));
    expect([status, message]).toEqual([400, expect.stringContaining('known: auto, relay, direct')]);
    expect(await problemOf(await put(aggregator, { mode: 'direct' }))).toEqual([
      400,
      expect.stringContaining('reason'),
    ]);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await problemOf(await put(aggregator, '{"mode":"direct","reason":"x"}', form))).toEqual([
      400,
      expect.stringMatching(/^The request is not JSON by its Content-Type\. .*Content-Type: application\/json/),
    ]);
    const redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
    expect(await redis.get(redisKeys(prefix).modeSetting)).toBe(null);
    redis.disconnect();
  });

  test.each([
    ['{"mode":"direct","reason":"the rel', 400, 'invalid_request', 'body: not valid JSON'],
    ['"direct"', 400, 'invalid_request', 'JSON'],
    ['[]', 400, 'invalid_request', 'JSON'],
    ['', 400, 'invalid_request', 'JSON'],
    [`{"mode":"direct","reason":"${'x'.repeat(200_000)}"}`, 413, 'payload_too_large', 'body: larger'],
  ])('a body like %.20s is refused with a code, the field and what to send', async (body, status, code, message) => {
    const answer = await put(await start(), body);
    const said = await answer.text();
    expect([answer.status, JSON.parse(said)]).toEqual([
      status,
      { error: { code, message: expect.stringContaining(message) as string } },
    ]);
    expect(said).not.toContain('the rel');
  });

  test('an unknown path, charset or encoding is refused in the same shape', async () => {
    const aggregator = await start();
    const unknown = await fetch(`${aggregator.url}/modes?key=secret`);
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { error: { code: 'unknown_url', message: 'Unknown request URL: GET /modes.' } },
    ]);
    for (const headers of [
      { 'content-type': 'application/json; charset=koi8-r' },
      { 'content-encoding': 'rot13' },
    ] as Record<string, string>[]) {
      const refused = await put(aggregator, '{"mode":"direct","reason":"x"}', headers);
      expect([refused.status, await refused.json()]).toMatchObject([415, { error: { code: 'unsupported_encoding' } }]);
    }
  });

  test('with a key it opens to nobody else', async () => {
    const key = 'spec-key-spec-key-spec';
    const aggregator = await start(undefined, key);
    const wish = { mode: 'direct', reason: 'x' };
    expect((await put(aggregator, wish)).status).toBe(401);
    expect((await put(aggregator, wish, { authorization: 'Bearer wrong' })).status).toBe(401);
    await modeIs(aggregator, 'relay');
    expect((await put(aggregator, wish, { authorization: `Bearer ${key}` })).status).toBe(200);
    expect((await fetch(`${aggregator.url}/mode`)).status).toBe(200);
    expect(JSON.stringify(aggregator.logs)).not.toContain(key);
  });
});
