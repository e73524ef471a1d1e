import { context, propagation, trace } from '@opentelemetry/api';
import { node, tracing } from '@opentelemetry/sdk-node';
import type { Observation } from '#libs/health-core';
import { createLogger, createRegistry, HealthMetrics, ModeMetrics } from '#libs/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FleetEffect } from './fleet-health.js';
import { HealthEffectsService } from './health-effects.service.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const exporter = new tracing.InMemorySpanExporter();
let logs: Record<string, unknown>[];
let effects: HealthEffectsService;

beforeAll(() => {
  new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] }).register();
});

afterAll(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

beforeEach(() => {
  exporter.reset();
  logs = [];
  const destination = { write: (line: string) => logs.push(JSON.parse(line) as Record<string, unknown>) };
  const logger = createLogger({ name: 'spec', destination: destination as never });
  effects = new HealthEffectsService(
    logger,
    new HealthMetrics(createRegistry(), { models: ['gpt-4'], states: ['unavailable'] }),
    new ModeMetrics(createRegistry(), undefined),
    { send: () => undefined },
  );
});

const about = { target: 'openai/gpt-4', model: 'gpt-4' };
const cause: Observation = {
  id: 'router-1',
  target: 'openai/gpt-4',
  source: 'traffic',
  outcome: 'timeout',
  latencyMs: 10_000,
  at: 1,
  errorMessage: 'said the provider',
  evidence: `00-${TRACE}-${SPAN}-01`,
};
const change: FleetEffect = {
  ...about,
  type: 'state-changed',
  from: 'healthy',
  to: 'unavailable',
  reason: 'consecutive_failures',
  scoreBefore: 92.8,
  scoreAfter: 51.25,
  cause,
};

const opening: FleetEffect = {
  ...about,
  type: 'breaker-changed',
  from: 'closed',
  to: 'open',
  generation: 1,
  reason: 'consecutive_failures',
  cause,
};

describe('health effects', () => {
  test('a change of state is a span event that leads to the failed call, in a trace of its own', () => {
    effects.carryOut([change]);
    const [span, ...others] = exporter.getFinishedSpans();
    expect(others).toEqual([]);
    expect(span?.name).toBe('process observations');
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.events).toMatchObject([
      {
        name: 'llm.health.state_change',
        attributes: {
          'llm.health.target': 'openai/gpt-4',
          'llm.health.from': 'healthy',
          'llm.health.to': 'unavailable',
          'llm.health.score.before': 92.8,
          'llm.health.score.after': 51.25,
        },
      },
    ]);
    const attributes = { 'llm.link.type': 'health_evidence', 'llm.health.target': 'openai/gpt-4' };
    expect(span?.links).toMatchObject([{ context: { traceId: TRACE, spanId: SPAN }, attributes }]);
  });

  test('its log line carries the trace, and nothing that the provider said', () => {
    effects.carryOut([change]);
    const [span] = exporter.getFinishedSpans();
    expect(logs).toMatchObject([
      { event: 'llm.health.state_change', to: 'unavailable', trace_id: span?.spanContext().traceId },
    ]);
    expect(logs[0]?.['msg']).toBe(
      'openai/gpt-4 healthy → unavailable: consecutive failures, last outcome timeout, score 51.3',
    );
    expect(JSON.stringify(logs)).not.toContain('said the provider');
  });

  test('a breaker that opens is in the same span, with one link and one line for both', () => {
    effects.carryOut([change, opening]);
    const [span, ...others] = exporter.getFinishedSpans();
    expect(others).toEqual([]);
    expect(span?.events.map(({ name }) => name)).toEqual(['llm.health.state_change', 'llm.breaker.change']);
    expect(span?.events[1]?.attributes).toEqual({
      'llm.health.target': 'openai/gpt-4',
      'llm.breaker.from': 'closed',
      'llm.breaker.to': 'open',
      'llm.breaker.reason': 'consecutive_failures',
    });
    expect(span?.links).toHaveLength(1);
    expect(logs).toHaveLength(1);
  });

  test('a breaker that lets single jobs through is told, though the target is no better yet', () => {
    const { cause: _, ...rest } = opening;
    effects.carryOut([{ ...rest, from: 'open', to: 'half-open', generation: 2, reason: null }]);
    expect(logs).toMatchObject([{ event: 'llm.breaker.change', to: 'half-open', level: 'info' }]);
  });

  test('a change that time alone has made is told without a last outcome', () => {
    const { cause: _, ...rest } = change;
    effects.carryOut([{ ...rest, from: 'unavailable', to: 'healthy', reason: 'recovered' } as FleetEffect]);
    expect(logs).toMatchObject([{ to: 'healthy', reason: 'recovered', level: 'info' }]);
    expect(logs[0]).not.toHaveProperty('outcome');
  });

  test.each([undefined, 'garbage', `00-${TRACE}-0000000000000000-01`])('evidence %s gives no link', (evidence) => {
    const { evidence: _, ...rest } = cause;
    effects.carryOut([{ ...change, cause: evidence === undefined ? rest : { ...rest, evidence } }]);
    expect(exporter.getFinishedSpans()[0]?.links).toEqual([]);
  });

  test('without a change of state there is no span, and a slow answer is told once', () => {
    const slow: FleetEffect = { ...about, type: 'slow-answer', latencyMs: 3_500, maxLatencyMs: 3_000, source: 'probe' };
    effects.carryOut([]);
    effects.carryOut([slow, slow]);
    effects.carryOut([slow]);
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(logs).toMatchObject([{ event: 'llm.health.slow_answer', target: 'openai/gpt-4', level: 'warn' }]);
  });
});
