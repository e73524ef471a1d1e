import { randomBytes } from 'node:crypto';
import { parseConfig } from '#libs/config';
import type { Observation } from '#libs/health-core';
import { createLogger, createRegistry, ProbeMetrics } from '#libs/telemetry';
import { TargetLimits } from '#libs/store';
import { simulatorAdmin, type SimulatorAdmin, uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FleetClock } from '#libs/redis';
import { slotAt } from './probe-slot.js';
import type { ProbeWork } from './probe-work.js';
import { ProbeService, type ProbeRun } from './probe.service.js';

const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
type Fault = Parameters<SimulatorAdmin['addFault']>[0]['fault'];

const intervalMs = 60_000;

/** Two providers in the simulator that no other test uses, and a service that pings them. */
async function world() {
  const id = randomBytes(4).toString('hex');
  const [sick, well] = [`sick-${id}`, `well-${id}`];
  for (const name of [sick, well])
    await simulator.createProvider(name, { models: { m: {}, n: {}, e: {} }, latency: { kind: 'fixed', ms: 1 } });
  const url = (name: string) => `${simulator.url}/${name}/v1`;
  const config = parseConfig(
    `
providers:
  ${sick}: { kind: openai-compatible, baseUrl: '${url(sick)}', probeConcurrency: 2 }
  ${well}: { kind: openai-compatible, baseUrl: '${url(well)}' }
targets:
  - { provider: ${sick}, model: m, timeoutMs: 5000 }
  - { provider: ${sick}, model: n, timeoutMs: 300 }
  - { provider: ${well}, model: m }
  - { provider: ${well}, model: n, limits: { requestsPerMinute: 2 } }
  - { provider: ${sick}, model: e, operation: embeddings, embeddings: { dimensions: 8 }, limits: { tokensPerMinute: 20 } }
probes: { intervalMs: ${intervalMs} }
`,
    {},
  );
  const clock = new FleetClock(async () => Date.now());
  await clock.sync();
  const seen: Omit<Observation, 'id'>[] = [];
  const lines: string[] = [];
  const registry = createRegistry();
  const limits = new TargetLimits({ redisUrl: process.env.REDIS_URL!, prefix: uniquePrefix() });
  const service = new ProbeService(
    config,
    clock,
    { report: (observation) => void seen.push(observation) },
    new ProbeMetrics(registry, { models: ['m', 'n', 'e'] }),
    createLogger({ name: 'prober', destination: { write: (line: string) => void lines.push(line) } }),
    { generation: (target) => (target.endsWith('/m') ? 7 : undefined), isSpared: ({ slot }) => slot === SPARED_SLOT },
    limits,
  );
  const workFor = (target: string, slotsAgo = 0): ProbeWork => ({
    target,
    slot: slotAt(target, clock.now(), intervalMs) - slotsAgo,
    intervalMs,
  });
  const callsOf = async (provider: string) => (await simulator.calls({ provider })).calls;
  return {
    sick,
    well,
    service,
    limits,
    seen,
    lines,
    registry,
    workFor,
    callsOf,
    fail: (fault: Fault) => simulator.addFault({ provider: sick, fault }),
  };
}

const run = (): ProbeRun => ({ mark: async () => undefined, signal: new AbortController().signal });

const SPARED_SLOT = 4_711;

describe('a ping', () => {
  let place: Awaited<ReturnType<typeof world>>;
  beforeEach(async () => void (place = await world()));
  afterEach(() => Promise.all([place.service.close(), place.limits.close()]));

  it('takes a place under the limits of its target, and is left out when there is none', async () => {
    const target = `${place.well}/n`;
    const ends = [];
    for (let i = 0; i < 3; i++) ends.push(await place.service.probe(place.workFor(target), run()));
    expect(ends).toEqual(['called', 'called', 'no-place']);
    expect(await place.callsOf(place.well)).toHaveLength(2);
    expect(place.seen).toHaveLength(2);
  });

  it('is not made when real traffic has just shown what it would show', async () => {
    const work = { ...place.workFor(`${place.well}/m`), slot: SPARED_SLOT };
    expect(await place.service.probe(work, run())).toBe('spared');
    expect(await place.callsOf(place.well)).toEqual([]);
  });

  it('asks the target for a few tokens and reports what it saw', async () => {
    const target = `${place.well}/m`;
    expect(await place.service.probe(place.workFor(target), run())).toBe('called');
    expect(await place.callsOf(place.well)).toMatchObject([{ model: 'm', maxTokens: 16, promptChars: 4, status: 200 }]);
    expect(place.seen).toEqual([
      {
        target,
        source: 'probe',
        outcome: 'success',
        latencyMs: expect.any(Number),
        firstTokenMs: expect.any(Number),
        at: expect.any(Number),
        generation: 7,
      },
    ]);
    expect(await place.registry.metrics()).toMatch(/ai_probes_total\{model="m",result="success"\} 1/);
  });

  it('of a target that makes embeddings asks for some, and takes no place for words', async () => {
    const target = `${place.sick}/e`;
    for (const outcome of ['success', 'bad_response']) {
      expect(await place.service.probe(place.workFor(target), run())).toBe('called');
      expect(place.seen.at(-1)).toMatchObject({ target, source: 'probe', outcome });
      await place.fail({ kind: 'bad-vectors', defect: 'short' });
    }
    const calls = await place.callsOf(place.sick);
    expect(calls.map(({ operation, promptChars }) => [operation, promptChars])).toEqual(
      Array(2).fill(['embeddings', 4]),
    );
    expect(await place.service.probe(place.workFor(target), run())).toBe('no-place');
  });

  it.each([
    [{ kind: 'down' }, 'overloaded'],
    [{ kind: 'down', mode: 'reset' }, 'connection'],
    [{ kind: 'html' }, 'bad_response'],
    [{ kind: 'rate-limit', retryAfterSeconds: 1 }, 'rate_limited'],
    [{ kind: 'status', status: 401 }, 'auth'],
  ] as const)('of a sick provider (%j) is well done, with a bad observation: %s', async (fault, outcome) => {
    await place.fail(fault);
    expect(await place.service.probe(place.workFor(`${place.sick}/m`), run())).toBe('called');
    expect(place.seen).toMatchObject([
      { source: 'probe', outcome, errorMessage: expect.stringMatching(`^${outcome}.*: .`) as string },
    ]);
    expect(place.seen[0]!.evidence).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
    expect(await place.registry.metrics()).toMatch(/ai_probes_total\{model="m",result="error"\} 1/);
  });

  it('ends at the timeout of the target', async () => {
    await place.fail({ kind: 'down', mode: 'hang' });
    await place.service.probe(place.workFor(`${place.sick}/n`), run());
    expect(place.seen).toMatchObject([{ outcome: 'timeout' }]);
    expect(place.seen[0]!.latencyMs).toBeGreaterThanOrEqual(295);
  });

  it('that is refused as wrong says nothing about health, and is told once until the target answers', async () => {
    const target = `${place.sick}/m`;
    const fault = await place.fail({
      kind: 'status',
      status: 400,
      message: 'max_tokens is too small',
      type: 'invalid_request_error',
    });
    const told = () => place.lines.filter((line) => line.includes('probe misconfigured')).length;
    for (let i = 0; i < 3; i++) await place.service.probe(place.workFor(target), run());
    expect(place.seen).toEqual([]);
    expect(told()).toBe(1);
    await simulator.removeFault(fault.id);
    await place.service.probe(place.workFor(target), run());
    expect(place.seen).toMatchObject([{ outcome: 'success' }]);
    await place.fail({ kind: 'status', status: 400 });
    await place.service.probe(place.workFor(target), run());
    expect(told()).toBe(2);
  });

  it('is marked before the provider is called', async () => {
    let callsWhenMarked = -1;
    const mark = async () => void (callsWhenMarked = (await place.callsOf(place.well)).length);
    await place.service.probe(place.workFor(`${place.well}/m`), { ...run(), mark });
    expect(callsWhenMarked).toBe(0);
    expect(await place.callsOf(place.well)).toHaveLength(1);
  });

  it('that cannot be marked is not made', async () => {
    const mark = () => Promise.reject(new Error('the job is gone'));
    await expect(place.service.probe(place.workFor(`${place.well}/m`), { ...run(), mark })).rejects.toThrow(
      'the job is gone',
    );
    expect(await place.callsOf(place.well)).toEqual([]);
  });

  it.each([
    ['is marked as called', (work: ProbeWork) => ({ ...work, calledAt: 1 }), 'called-before'],
    ['is of a slot that is over', (work: ProbeWork) => ({ ...work, slot: work.slot - 1 }), 'too-late'],
    ['is of a target that is not configured', (work: ProbeWork) => ({ ...work, target: 'no/such' }), 'unknown-target'],
  ] as const)('that %s is not made', async (_what, change, disposition) => {
    expect(await place.service.probe(change(place.workFor(`${place.well}/m`)), run())).toBe(disposition);
    expect(await place.callsOf(place.well)).toEqual([]);
    expect(place.seen).toEqual([]);
  });

  it('of a healthy provider does not wait for a hanging one, which has no more than its own limit under way', async () => {
    await place.fail({ kind: 'down', mode: 'hang' });
    const stop = new AbortController();
    const hanging = Array.from({ length: 6 }, () =>
      place.service
        .probe(place.workFor(`${place.sick}/m`), { ...run(), signal: stop.signal })
        .catch(() => 'handed back'),
    );
    await vi.waitFor(async () => expect(await place.callsOf(place.sick)).toHaveLength(2));
    expect(await place.service.probe(place.workFor(`${place.well}/m`), run())).toBe('called');
    expect(await place.callsOf(place.sick)).toHaveLength(2);

    // Stopping: calls are cut without a judgement, and what has not begun goes back to the queue.
    stop.abort();
    expect((await Promise.all(hanging)).toSorted()).toEqual([
      ...Array(2).fill('called'),
      ...Array(4).fill('handed back'),
    ]);
    expect(place.seen).toMatchObject([{ target: `${place.well}/m`, outcome: 'success' }]);
  });
});
