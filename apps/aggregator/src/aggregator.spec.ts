import { redisKeys } from '#libs/contracts';
import type { Observation } from '#libs/health-core';
import { connectRedis, type Redis } from '#libs/redis';
import { ObservationWriter } from '#libs/store';
import { redisGate, uniquePrefix, SLACK_MS } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { configOf, startAggregator, type RunningAggregator } from './aggregator.fixture.js';
import type { HealthReport } from './health.controller.js';
import type { RoutingWeightsReport } from './routing-weights.controller.js';
import type { StatusReport } from './status.controller.js';

const redisUrl = process.env.REDIS_URL!;
const GPT = 'openai/gpt-4';
const CLAUDE = 'anthropic/claude-sonnet-4';
const config = configOf({ [GPT]: 3, [CLAUDE]: 2 });
const articleConfig = configOf({ [GPT]: 3, [CLAUDE]: 2 }, '{ scoring: article }');

let prefix: string;
let redis: Redis;
let reports: ObservationWriter;
let running: RunningAggregator[];

beforeEach(() => {
  prefix = uniquePrefix();
  running = [];
  redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
  reports = new ObservationWriter({ redisUrl, prefix, reporter: 'spec', batchMs: 5 });
});

afterEach(async () => {
  await Promise.all([...running.map((aggregator) => aggregator.stop()), reports.close()]);
  redis.disconnect();
});

async function start(options: { redisUrl?: string; config?: typeof config } = {}): Promise<RunningAggregator> {
  const aggregator = await startAggregator(
    { redisUrl: options.redisUrl ?? redisUrl, prefix },
    options.config ?? config,
  );
  running.push(aggregator);
  return aggregator;
}

const report = (target: string, change: Partial<Observation> = {}) =>
  reports.report({ target, source: 'probe', outcome: 'success', latencyMs: 120, at: Date.now(), ...change });

/** Failures that happen one after another, each begun after the one before. */
function reportFailures(target: string, count: number): void {
  for (let i = 0; i < count; i++) report(target, { outcome: 'server_error', latencyMs: 0, errorMessage: 'overloaded' });
}

async function get<T>(aggregator: RunningAggregator, path: string): Promise<{ status: number; body: T }> {
  const answer = await fetch(`${aggregator.url}${path}`);
  return { status: answer.status, body: (await answer.json()) as T };
}

const statusOf = async (aggregator: RunningAggregator) => (await get<StatusReport>(aggregator, '/status')).body;
const targetOf = async (aggregator: RunningAggregator, target = GPT) =>
  (await statusOf(aggregator)).targets.find((report) => report.target === target);
const until = (check: () => Promise<void>) => vi.waitFor(check, { interval: 20 });
const untilTarget = (aggregator: RunningAggregator, expected: object, target = GPT) =>
  until(async () => expect(await targetOf(aggregator, target)).toMatchObject(expected));
const untilReady = (aggregator: RunningAggregator) =>
  until(async () => expect((await get(aggregator, '/ready')).body).toEqual({ status: 'ready' }));

describe('aggregator', () => {
  test('in the article profile a probe of 120 ms gives the score 92.8, at every door', async () => {
    const aggregator = await start({ config: articleConfig });
    report(GPT);
    report(CLAUDE, { latencyMs: 500 });
    await untilTarget(aggregator, { requests: 1 }, CLAUDE);

    const { status, body } = await get<HealthReport>(aggregator, '/health');
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'healthy',
      models: [
        { model: 'gpt-4', target: GPT, score: 92.8, latency_ms: 120 },
        { model: 'claude-sonnet-4', target: CLAUDE, score: 70, latency_ms: 500 },
      ],
      healthy_models: 2,
      total_models: 2,
    });
    const { weights } = (await get<RoutingWeightsReport>(aggregator, '/routing-weights')).body;
    const weightOf = (base: number, score: number) => Math.round(((base * score) / 162.8) * 1e6) / 1e4;
    expect(weights).toEqual({
      [GPT]: { model: 'gpt-4', base_weight: 3, health_score: 92.8, routing_weight: weightOf(3, 92.8) },
      [CLAUDE]: { model: 'claude-sonnet-4', base_weight: 2, health_score: 70, routing_weight: weightOf(2, 70) },
    });
    expect(await redis.hget(redisKeys(prefix).health(CLAUDE), 'score')).toBe('70');
    const metrics = await (await fetch(`${aggregator.url}/metrics`)).text();
    expect(metrics).toMatch(/ai_model_health_score\{model="gpt-4"\} 92\.8/);
    expect(metrics).toMatch(/ai_model_available\{model="gpt-4"\} 1/);
    expect(metrics).toMatch(/ai_circuit_state\{model="gpt-4"\} 0/);
    expect((await statusOf(aggregator)).scoring).toBe('article');
  });

  test('routing weights are percentages that sum to 100, and follow the configuration while all are well', async () => {
    const aggregator = await start();
    report(GPT);
    await untilTarget(aggregator, { requests: 1, state: 'healthy' });
    const { weights } = (await get<RoutingWeightsReport>(aggregator, '/routing-weights')).body;
    expect(Object.values(weights).map(({ routing_weight }) => routing_weight)).toEqual([60, 40]);
    expect(await statusOf(aggregator)).toMatchObject({ scoring: 'adaptive' });
  });

  test('the fifth failure in a row opens the breaker, told once; the target gets no weight until it has proved itself', async () => {
    const aggregator = await start();
    for (let i = 0; i < 20; i++) report(GPT);
    await untilTarget(aggregator, { requests: 20 });
    reportFailures(GPT, 4);
    await untilTarget(aggregator, { available: true, breaker: 'closed', consecutive_failures: 4 });
    reportFailures(GPT, 1);
    await untilTarget(aggregator, {
      state: 'unavailable',
      breaker: 'open',
      breaker_reason: 'consecutive_failures',
      routing_weight: 0,
      error_message: 'overloaded',
    });
    const { open_until: openUntil } = (await targetOf(aggregator))!;
    expect(openUntil! - Date.now()).toBeGreaterThan(0);
    report(GPT, { latencyMs: 0, generation: 1 });
    await untilTarget(aggregator, { consecutive_failures: 0, state: 'unavailable' });

    const told = aggregator.logs.filter(({ event }) => event === 'llm.health.state_change');
    const toldOfGpt = told.filter(({ to }) => to === 'unavailable');
    expect(toldOfGpt).toMatchObject([{ target: GPT, reason: 'consecutive_failures', level: 'warn' }]);
    const metrics = await (await fetch(`${aggregator.url}/metrics`)).text();
    expect(metrics).toMatch(/ai_model_state_changes_total\{model="gpt-4",to="unavailable"\} 1/);
    expect(metrics).toMatch(/ai_circuit_transitions_total\{model="gpt-4",to="open"\} 1/);
    expect(metrics).toMatch(/ai_circuit_transitions_total\{model="claude-sonnet-4",to="open"\} 0/);
    expect(metrics).toMatch(/ai_circuit_state\{model="gpt-4"\} 2/);
  });

  test('in the article profile the next good probe brings a target back', async () => {
    const aggregator = await start({ config: articleConfig });
    for (let i = 0; i < 20; i++) report(GPT);
    reportFailures(GPT, 5);
    await untilTarget(aggregator, { state: 'unavailable', score: 78.8 });
    report(GPT, { latencyMs: 0 });
    await untilTarget(aggregator, { state: 'healthy', consecutive_failures: 0 });
  });

  test('a key that is refused takes the target out once a ping has confirmed it, for a reason that is told', async () => {
    const aggregator = await start();
    report(GPT, { outcome: 'auth', source: 'traffic', latencyMs: 1 });
    await untilTarget(aggregator, { breaker: 'closed', consecutive_failures: 1 });
    report(GPT, { outcome: 'auth', source: 'probe', latencyMs: 1 });
    await untilTarget(aggregator, { state: 'unavailable', breaker: 'open', breaker_reason: 'auth' });
  });

  test('rate limits and faults of the caller leave health alone', async () => {
    const aggregator = await start();
    for (let i = 0; i < 10; i++) report(GPT, { outcome: 'rate_limited', source: 'traffic', retryAfterMs: 1_000 });
    for (let i = 0; i < 10; i++) report(GPT, { outcome: 'bad_request', source: 'traffic' });
    await until(async () => expect((await statusOf(aggregator)).observations.folded).toBe(20));
    expect(await targetOf(aggregator)).toMatchObject({ state: 'healthy', breaker: 'closed', consecutive_failures: 0 });
  });

  test('garbage among observations is dropped or bounded, and what is known stays sound', async () => {
    const aggregator = await start();
    const stream = redisKeys(prefix).observations;
    const base = { target: GPT, source: 'traffic', outcome: 'success', latencyMs: 5, at: Date.now() };
    const garbage = [
      { latencyMs: -5 },
      { latencyMs: 1e12 },
      { at: -1 },
      { latencyMs: 'fast' },
      { outcome: 'great' },
      { generation: -1 },
    ];
    for (const [i, wrong] of garbage.entries())
      await redis.xadd(
        stream,
        '*',
        'observation',
        JSON.stringify({ ...base, id: `spec-${i + 1}`, ...wrong }),
        'ageMs',
        '0',
      );
    const future = JSON.stringify({ ...base, id: 'spec-100', at: Date.now() + 86_400_000 });
    await redis.xadd(stream, '*', 'observation', future, 'ageMs', 'NaN');
    await until(async () =>
      expect((await statusOf(aggregator)).observations).toEqual({ folded: 1, repeated: 0, rejected: garbage.length }),
    );
    await untilTarget(aggregator, { state: 'healthy', requests: 1 });
    const target = (await targetOf(aggregator))!;
    expect(Object.values(target).filter((value) => typeof value === 'number' && !Number.isFinite(value))).toEqual([]);
  });

  test('with every target unavailable /health is degraded, with status 503', async () => {
    const aggregator = await start();
    for (const target of [GPT, CLAUDE]) reportFailures(target, 5);
    await untilTarget(aggregator, { available: false }, CLAUDE);
    expect(await get(aggregator, '/health')).toEqual({
      status: 503,
      body: { status: 'degraded', models: [], healthy_models: 0, total_models: 2 },
    });
  });

  test('what is no observation, or of no target, is counted and dropped, and told once', async () => {
    const aggregator = await start();
    const stream = redisKeys(prefix).observations;
    for (let i = 0; i < 5; i++) await redis.xadd(stream, '*', 'observation', '{"target":1}');
    report('nobody/knows');
    report(GPT);
    await untilTarget(aggregator, { requests: 1 });
    await until(async () =>
      expect((await statusOf(aggregator)).observations).toEqual({ folded: 1, repeated: 0, rejected: 6 }),
    );
    expect(aggregator.logs.filter(({ event }) => event === 'llm.observation.rejected')).toHaveLength(1);
  });

  test('an observation that is delivered twice counts once', async () => {
    const aggregator = await start();
    const observation = {
      id: 'router-abc-1',
      target: GPT,
      source: 'traffic',
      outcome: 'success',
      latencyMs: 5,
      at: Date.now(),
    };
    for (const id of ['router-abc-1', 'router-abc-1', 'router-abc-2', 'router-abc-1']) {
      const fields = ['observation', JSON.stringify({ ...observation, id })];
      await redis.xadd(redisKeys(prefix).observations, '*', ...fields);
    }
    await until(async () =>
      expect((await statusOf(aggregator)).observations).toMatchObject({ folded: 2, repeated: 2 }),
    );
    await untilTarget(aggregator, { requests: 2 });
  });

  test('a slow answer is told, not more than once a minute', async () => {
    const aggregator = await start();
    const told = () => aggregator.logs.filter(({ event }) => event === 'llm.health.slow_answer');
    report(GPT, { latencyMs: 3_001 });
    await until(async () => expect(told()).toMatchObject([{ target: GPT, latencyMs: 3_001, maxLatencyMs: 3_000 }]));
    report(GPT, { latencyMs: 3_002 });
    reportFailures(GPT, 5);
    await until(async () => expect(aggregator.logs).toContainEqual(expect.objectContaining({ to: 'unavailable' })));
    expect(told()).toHaveLength(1);
  });

  test('a leader that dies is followed within seconds; nothing learned is lost, epoch and version grow', async () => {
    const first = await start();
    report(GPT);
    await untilTarget(first, { requests: 1 });
    const second = await start();
    await untilReady(second);
    const [before, standby] = [await statusOf(first), await statusOf(second)];
    expect([before.role, standby.role]).toEqual(['leader', 'standby']);
    expect(standby).toMatchObject({ leader: before.id, epoch: before.epoch, stale: false });
    expect(await targetOf(second)).toEqual(await targetOf(first));

    await first.kill();
    const diedAt = performance.now();
    reportFailures(GPT, 5);
    await untilTarget(second, { requests: 6, failures: 5, available: false });
    expect(performance.now() - diedAt).toBeLessThan(5_000 + SLACK_MS);
    const after = await statusOf(second);
    expect(after).toMatchObject({ role: 'leader', leader: after.id, epoch: before.epoch! + 1 });
    expect(after.version!).toBeGreaterThan(before.version!);
  });

  test('a restart keeps what was known, and takes in what was reported meanwhile', async () => {
    const first = await start();
    for (let i = 0; i < 7; i++) report(GPT);
    await untilTarget(first, { requests: 7 });
    await first.stop();
    report(GPT);
    const second = await start();
    await untilTarget(second, { requests: 8 });
  });

  test('a target that is new begins healthy, one that is configured no more disappears', async () => {
    const first = await start();
    for (const target of [GPT, CLAUDE]) reportFailures(target, 5);
    await untilTarget(first, { available: false }, CLAUDE);
    await first.stop();
    const second = await start({ config: configOf({ [GPT]: 3, 'google/gemini': 1 }) });
    await until(async () =>
      expect((await statusOf(second)).targets.map(({ target }) => target)).toEqual([GPT, 'google/gemini']),
    );
    expect((await statusOf(second)).targets.map(({ state }) => state)).toEqual(['unavailable', 'healthy']);
    await until(async () => expect(await redis.exists(redisKeys(prefix).health(CLAUDE))).toBe(0));
  });

  test('a stored state that cannot be read is told, and health is learned again from what Redis holds', async () => {
    const first = await start();
    report(GPT);
    await untilTarget(first, { requests: 1 });
    await first.stop();
    await redis.set(redisKeys(prefix).healthState, '{"targets":');
    const second = await start();
    await until(async () =>
      expect(second.logs).toContainEqual(expect.objectContaining({ event: 'aggregator.state_unreadable' })),
    );
    await until(async () => expect((await statusOf(second)).observations.folded).toBe(1));
  });

  test('it starts without Redis, says what it waits for, and begins once Redis is there', async () => {
    const gate = await redisGate(redisUrl, 'shut');
    const aggregator = await start({ redisUrl: gate.url });
    expect(await get(aggregator, '/ready')).toEqual({
      status: 503,
      body: { status: 'starting', waitingFor: ['redis', 'first health snapshot'] },
    });
    expect((await get(aggregator, '/health')).status).toBe(503);
    await gate.open();
    await untilReady(aggregator);
    await aggregator.stop();
    await gate.shut();
  });

  test('while Redis is away it answers from memory; when it is back it goes on, without losing a count', async () => {
    const gate = await redisGate(redisUrl);
    const aggregator = await start({ redisUrl: gate.url });
    for (let i = 0; i < 3; i++) report(GPT);
    await untilTarget(aggregator, { requests: 3 });
    await gate.shut();
    await until(async () => expect((await get(aggregator, '/ready')).status).toBe(503));
    expect((await get(aggregator, '/health')).status).toBe(200);
    reportFailures(GPT, 5);
    await gate.open();
    await untilTarget(aggregator, { requests: 8, available: false });
    await untilReady(aggregator);
    await aggregator.stop();
    await gate.shut();
  });

  test('it stops at once while Redis is away', async () => {
    const gate = await redisGate(redisUrl);
    const aggregator = await start({ redisUrl: gate.url });
    await untilReady(aggregator);
    await gate.shut();
    await until(async () => expect((await get(aggregator, '/ready')).status).toBe(503));
    const began = performance.now();
    await aggregator.stop();
    expect(performance.now() - began).toBeLessThan(3_000 + SLACK_MS);
  });

  test('when Redis comes back empty, it is filled again from memory', async () => {
    // Counting begins anew then, so that the epoch falls instead of growing.
    await redis.set(redisKeys(prefix).epoch, 5);
    const aggregator = await start();
    for (let i = 0; i < 3; i++) report(GPT);
    await untilTarget(aggregator, { requests: 3 });
    const keys = await redis.keys(`${prefix}:*`);
    await redis.del(...keys);
    await until(async () => expect(await redis.hget(redisKeys(prefix).health(GPT), 'requests')).toBe('3'));
    report(GPT);
    await untilTarget(aggregator, { requests: 4 });
    expect(await statusOf(aggregator)).toMatchObject({ epoch: 1, stale: false });
  });
});
