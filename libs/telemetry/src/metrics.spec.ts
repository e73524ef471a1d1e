import { context, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeadLetterMetrics } from './dead-letter.metrics.js';
import { HealthMetrics } from './health.metrics.js';
import { SnapshotMetrics } from './snapshot.metrics.js';
import { ProbeMetrics } from './probe.metrics.js';
import { ParkingMetrics } from './parking.metrics.js';
import { QueueMetrics } from './queue.metrics.js';
import { createRegistry, type Registry } from './registry.js';
import { RoutingMetrics } from './routing.metrics.js';
import { startTelemetry } from './start-telemetry.js';

let registry: Registry;
beforeEach(() => {
  registry = createRegistry();
});
afterEach(() => vi.unstubAllEnvs());

/** Sample lines of one metric as Prometheus would read them, without exemplars. */
async function samples(name: string): Promise<string[]> {
  const text = await registry.metrics();
  return text
    .split('\n')
    .filter((line) => line.startsWith(name) && /^(\{|_bucket|_sum|_count| )/.test(line.slice(name.length)))
    .map((line) => line.replace(/ # .*/, ''));
}

const bounds = (lines: string[]) => lines.flatMap((line) => /le="([^"]+)"/.exec(line)?.[1] ?? []);

describe('routing metrics', () => {
  const known = {
    models: ['gpt-4', 'claude-sonnet-4'],
    queues: ['completion'],
    errorTypes: ['timeout', 'server_error'],
  };
  const create = () => new RoutingMetrics(registry, known);

  it('start at 0 for everything that can happen', async () => {
    create();
    expect(await samples('ai_requests_total')).toEqual([
      'ai_requests_total{model="gpt-4",status="success"} 0',
      'ai_requests_total{model="gpt-4",status="error"} 0',
      'ai_requests_total{model="claude-sonnet-4",status="success"} 0',
      'ai_requests_total{model="claude-sonnet-4",status="error"} 0',
    ]);
    expect(await samples('ai_jobs_total')).toEqual(
      ['primary', 'failover', 'exhausted', 'rejected', 'cancelled'].map(
        (outcome) => `ai_jobs_total{outcome="${outcome}"} 0`,
      ),
    );
    expect(await samples('ai_request_errors_total')).toContain(
      'ai_request_errors_total{model="gpt-4",error_type="timeout"} 0',
    );
    expect(await samples('ai_failovers_total')).toHaveLength(2 * 2 * 2);
    expect(await samples('ai_request_latency_seconds')).toContain('ai_request_latency_seconds_count{model="gpt-4"} 0');
    expect(await samples('ai_queue_wait_seconds')).toContain(
      'ai_queue_wait_seconds_count{queue="completion",priority="low"} 0',
    );
    expect(await samples('ai_job_attempts')).toContain('ai_job_attempts_count 0');
  });

  it('have the published buckets', async () => {
    new RoutingMetrics(registry, { models: ['gpt-4'], queues: ['completion'], errorTypes: [] });
    expect(bounds(await samples('ai_request_latency_seconds'))).toEqual([
      '0.1',
      '0.25',
      '0.5',
      '1',
      '2.5',
      '5',
      '10',
      '+Inf',
    ]);
    expect(bounds(await samples('ai_job_attempts'))).toEqual(['1', '2', '3', '4', '5', '8', '+Inf']);
    const waits = (await samples('ai_queue_wait_seconds')).filter((line) => line.includes('priority="low"'));
    expect(bounds(waits).map(Number)).toEqual([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, NaN]);
  });

  it('tell the story of a job that failed over', async () => {
    const metrics = create();
    metrics.jobStarted('completion', 'high', 40);
    metrics.attemptFailed('gpt-4', 'server_error', 200);
    metrics.failedOver('gpt-4', 'claude-sonnet-4', 'server_error');
    metrics.attemptSucceeded('claude-sonnet-4', 1_500);
    metrics.jobEnded('failover', 2);

    const text = (await registry.metrics()).split('\n');
    expect(text).toEqual(
      expect.arrayContaining([
        'ai_requests_total{model="gpt-4",status="error"} 1',
        'ai_requests_total{model="claude-sonnet-4",status="success"} 1',
        'ai_request_errors_total{model="gpt-4",error_type="server_error"} 1',
        'ai_request_latency_seconds_sum{model="gpt-4"} 0.2',
        'ai_request_latency_seconds_bucket{le="1",model="claude-sonnet-4"} 0',
        'ai_request_latency_seconds_bucket{le="2.5",model="claude-sonnet-4"} 1',
        'ai_failovers_total{from_model="gpt-4",to_model="claude-sonnet-4",reason="server_error"} 1',
        'ai_jobs_total{outcome="failover"} 1',
        'ai_job_attempts_bucket{le="1"} 0',
        'ai_job_attempts_bucket{le="2"} 1',
        'ai_queue_wait_seconds_sum{queue="completion",priority="high"} 0.04',
      ]),
    );
  });

  it('count a rejected job without attempts, and a wait that clocks make negative as none', async () => {
    const metrics = create();
    metrics.jobEnded('rejected', 0);
    metrics.jobStarted('completion', 'high', -5);
    expect(await samples('ai_job_attempts')).toContain('ai_job_attempts_count 0');
    expect(await samples('ai_queue_wait_seconds')).toContain(
      'ai_queue_wait_seconds_sum{queue="completion",priority="high"} 0',
    );
  });

  it('do not create thousands of series in advance for many models', async () => {
    const models = Array.from({ length: 50 }, (_, i) => `model-${i}`);
    const metrics = new RoutingMetrics(registry, { ...known, models });
    metrics.failedOver('model-1', 'model-2', 'timeout');
    expect(await samples('ai_failovers_total')).toEqual([
      'ai_failovers_total{from_model="model-1",to_model="model-2",reason="timeout"} 1',
    ]);
  });
});

describe('exemplars', () => {
  const inSpan = (work: () => void) => {
    const span = trace.getTracer('spec').startSpan('route completion');
    context.with(trace.setSpan(context.active(), span), work);
    span.end();
    return span.spanContext();
  };
  const create = () => new RoutingMetrics(registry, { models: ['gpt-4'], queues: [], errorTypes: [] });

  it('lead from a sample to its trace when traces are sent', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    const telemetry = startTelemetry({ serviceName: 'router' });
    const metrics = create();
    const { traceId, spanId } = inSpan(() => metrics.attemptSucceeded('gpt-4', 300));
    const text = await registry.metrics();
    const exemplar = `# {trace_id="${traceId}",span_id="${spanId}"}`;
    expect(text).toContain(`ai_requests_total{model="gpt-4",status="success"} 1 ${exemplar} 1 `);
    expect(text).toContain(`ai_request_latency_seconds_bucket{le="0.5",model="gpt-4"} 1 ${exemplar} 0.3 `);
    await telemetry.shutdown(1);
  });

  it('are left out when traces stay in the process', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', '');
    const telemetry = startTelemetry({ serviceName: 'router' });
    const metrics = create();
    inSpan(() => metrics.attemptSucceeded('gpt-4', 300));
    expect(await registry.metrics()).not.toContain('trace_id');
    await telemetry.shutdown();
  });
});

describe('probe metrics', () => {
  it('start at 0, but have no last ping before the first', async () => {
    new ProbeMetrics(registry, { models: ['gpt-4'] });
    expect(await samples('ai_probes_total')).toEqual([
      'ai_probes_total{model="gpt-4",result="success"} 0',
      'ai_probes_total{model="gpt-4",result="error"} 0',
    ]);
    expect(bounds(await samples('ai_probe_latency_seconds'))).toEqual([
      '0.1',
      '0.25',
      '0.5',
      '1',
      '2.5',
      '5',
      '10',
      '+Inf',
    ]);
    expect(await samples('ai_probe_last_timestamp_seconds')).toEqual([]);
  });

  it('count pings by result and keep the time of the last', async () => {
    const metrics = new ProbeMetrics(registry, { models: ['gpt-4'] });
    metrics.probeSucceeded('gpt-4', 120, 1_700_000_000_000);
    metrics.probeFailed('gpt-4', 10_000, 1_700_000_030_500);
    expect(await samples('ai_probes_total')).toEqual([
      'ai_probes_total{model="gpt-4",result="success"} 1',
      'ai_probes_total{model="gpt-4",result="error"} 1',
    ]);
    expect(await samples('ai_probe_latency_seconds')).toContain('ai_probe_latency_seconds_count{model="gpt-4"} 2');
    expect(await samples('ai_probe_last_timestamp_seconds')).toEqual([
      'ai_probe_last_timestamp_seconds{model="gpt-4"} 1700000030.5',
    ]);
  });
});

describe('health metrics', () => {
  const create = () => new HealthMetrics(registry, { models: ['gpt-4'], states: ['available', 'unavailable'] });

  it('call nothing unavailable before health is known', async () => {
    create();
    expect(await samples('ai_model_available')).toEqual([]);
    expect(await samples('ai_model_health_score')).toEqual([]);
    expect(await samples('ai_model_state_changes_total')).toEqual([
      'ai_model_state_changes_total{model="gpt-4",to="available"} 0',
      'ai_model_state_changes_total{model="gpt-4",to="unavailable"} 0',
    ]);
  });

  it('show the best of the targets that serve a model', async () => {
    create().publish([
      { model: 'gpt-4', score: 12, available: false, circuit: 'open' },
      { model: 'gpt-4', score: 92.8, available: true, circuit: 'closed' },
      { model: 'deepseek-v3', score: 0, available: false, circuit: 'half-open' },
    ]);
    expect(await samples('ai_model_health_score')).toEqual([
      'ai_model_health_score{model="gpt-4"} 92.8',
      'ai_model_health_score{model="deepseek-v3"} 0',
    ]);
    expect(await samples('ai_model_available')).toEqual([
      'ai_model_available{model="gpt-4"} 1',
      'ai_model_available{model="deepseek-v3"} 0',
    ]);
    expect(await samples('ai_circuit_state')).toEqual([
      'ai_circuit_state{model="gpt-4"} 0',
      'ai_circuit_state{model="deepseek-v3"} 1',
    ]);
  });

  it('forget a model that is configured no more', async () => {
    const metrics = create();
    metrics.publish([{ model: 'old', score: 70, available: true, circuit: 'closed' }]);
    metrics.publish([{ model: 'gpt-4', score: 70, available: true, circuit: 'closed' }]);
    expect(await samples('ai_model_available')).toEqual(['ai_model_available{model="gpt-4"} 1']);
  });

  it('count state changes by the state entered', async () => {
    create().stateChanged('gpt-4', 'unavailable');
    expect(await samples('ai_model_state_changes_total')).toContain(
      'ai_model_state_changes_total{model="gpt-4",to="unavailable"} 1',
    );
  });

  it('count breaker transitions by the phase entered, each from 0', async () => {
    create().circuitChanged('gpt-4', 'open');
    expect(await samples('ai_circuit_transitions_total')).toEqual([
      'ai_circuit_transitions_total{model="gpt-4",to="closed"} 0',
      'ai_circuit_transitions_total{model="gpt-4",to="half-open"} 0',
      'ai_circuit_transitions_total{model="gpt-4",to="open"} 1',
    ]);
  });
});

describe('snapshot metrics', () => {
  it('tell the age in seconds at the time of the scrape, and nothing before the first snapshot', async () => {
    let ageMs = Infinity;
    new SnapshotMetrics(registry, () => ageMs);
    expect(await samples('ai_health_snapshot_age_seconds')).toEqual([]);
    ageMs = 1_500;
    expect(await samples('ai_health_snapshot_age_seconds')).toEqual(['ai_health_snapshot_age_seconds 1.5']);
  });
});

describe('metrics of parked jobs', () => {
  it('are there from the start, and count what was told', async () => {
    const metrics = new ParkingMetrics(registry, 'completion', async () => 7);
    expect(await samples('ai_jobs_released_total')).toEqual([
      'ai_jobs_released_total{queue="completion",cause="available"} 0',
      'ai_jobs_released_total{queue="completion",cause="unroutable"} 0',
    ]);
    expect(await samples('ai_jobs_parkings_total')).toEqual([
      'ai_jobs_parkings_total{queue="completion",cause="nobody"} 0',
      'ai_jobs_parkings_total{queue="completion",cause="again"} 0',
    ]);
    expect(await samples('ai_jobs_aged_total')).toEqual(['ai_jobs_aged_total{queue="completion"} 0']);
    metrics.parked('nobody');
    metrics.released('available', 3);
    metrics.aged(2);
    expect(await samples('ai_jobs_parkings_total')).toContain(
      'ai_jobs_parkings_total{queue="completion",cause="nobody"} 1',
    );
    expect(await samples('ai_jobs_released_total')).toContain(
      'ai_jobs_released_total{queue="completion",cause="available"} 3',
    );
    expect(await samples('ai_jobs_aged_total')).toEqual(['ai_jobs_aged_total{queue="completion"} 2']);
  });

  it('tell how many are parked when somebody scrapes, and nothing while Redis cannot be asked', async () => {
    let away = false;
    new ParkingMetrics(registry, 'completion', async () => {
      if (away) throw new Error('redis is away');
      return 7;
    });
    expect(await samples('ai_jobs_parked')).toEqual(['ai_jobs_parked{queue="completion"} 7']);
    away = true;
    expect(await samples('ai_jobs_parked')).toEqual([]);
  });
});

describe('queue metrics', () => {
  it('count when somebody scrapes', async () => {
    let waiting = 3;
    new QueueMetrics(registry, { completion: async () => ({ waiting, active: 1 }) });
    expect(await samples('bullmq_job_count')).toEqual([
      'bullmq_job_count{queue="completion",state="waiting"} 3',
      'bullmq_job_count{queue="completion",state="active"} 1',
    ]);
    waiting = 0;
    expect(await samples('bullmq_job_count')).toContain('bullmq_job_count{queue="completion",state="waiting"} 0');
  });

  it.each([
    ['fails', () => Promise.reject(new Error('redis is away'))],
    ['never answers', () => new Promise<never>(() => {})],
  ])('leave out a queue whose count %s, and keep the rest', async (_how, lost) => {
    let away = false;
    new QueueMetrics(registry, {
      completion: async () => (away ? lost() : { waiting: 3 }),
      probe: async () => ({ waiting: 1 }),
    });
    expect(await samples('bullmq_job_count')).toHaveLength(2);
    away = true;
    expect(await samples('bullmq_job_count')).toEqual(['bullmq_job_count{queue="probe",state="waiting"} 1']);
    expect(await registry.metrics()).toContain('process_cpu_seconds_total');
  });
});

it('dead letters are counted when somebody scrapes, from 0 on, and not told while they cannot be', async () => {
  let count = async () => 0;
  new DeadLetterMetrics(registry, () => count());
  expect(await samples('ai_dead_letters')).toEqual(['ai_dead_letters 0']);
  count = async () => 7;
  expect(await samples('ai_dead_letters')).toEqual(['ai_dead_letters 7']);
  count = () => Promise.reject(new Error('redis is away'));
  expect(await samples('ai_dead_letters')).toEqual([]);
});

it('the exposition is OpenMetrics, with names that end as published', async () => {
  new RoutingMetrics(registry, { models: ['gpt-4'], queues: [], errorTypes: [] });
  expect(registry.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  const text = await registry.metrics();
  expect(text).toMatch(/# EOF\n$/);
  expect(text).toContain('# TYPE ai_requests counter');
  expect(text).not.toContain('_total_total');
  expect(await registry.metrics()).toContain('ai_requests_total{model="gpt-4",status="success"} 0');
});
