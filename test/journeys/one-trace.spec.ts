import {
  type OtlpReceiver,
  type ReceivedSpan,
  simulatorAdmin,
  type Stack,
  startOtlpReceiver,
  startStack,
} from '#libs/testing';
import type { TargetHealth } from '#libs/contracts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

/**
 * A failover must be readable in one trace, whichever processes it crossed. The system runs in processes of its own and sends its
 * spans to a collector in this one.
 */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const run = `trace-${process.pid}`;
const [dead, alive] = [`${run}-dead`, `${run}-alive`];
const PROMPT = 'a-prompt-that-must-stay-private';
const CONFIG = `
providers:
  ${dead}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${dead}/v1', apiKey: a-key-that-must-stay-private }
  ${alive}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${alive}/v1' }
targets:
  - { provider: ${dead}, model: leading, fallbacks: [${alive}/standby] }
  - { provider: ${alive}, model: standby }
`;
/** Calls made before the trouble begins, so that the target is known to have been well. */
const GOOD_CALLS = 20;

let collector: OtlpReceiver;
let stack: Stack;
/** The one failover that is looked at: pings soon tell that the target is sick, and later jobs begin elsewhere. */
const TRACE_ID = '11111111111111111111111111111111';
let failover: { answer: Answer; trace: ReceivedSpan[] };

beforeAll(async () => {
  await admin.createProvider(dead, { models: { leading: {} } });
  await admin.createProvider(alive, { models: { standby: {} } });
  collector = await startOtlpReceiver();
  stack = await startStack({
    config: CONFIG,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
  });
  await Promise.all(Array.from({ length: GOOD_CALLS }, () => post()));
  await vi.waitFor(async () => expect((await healthOf('leading'))?.requests).toBeGreaterThanOrEqual(GOOD_CALLS));
  await admin.kill(dead);
  failover = await ask(TRACE_ID);
});

afterAll(async () => {
  await stack?.stop();
  await collector?.close();
});

const post = (headers: Record<string, string> = {}) =>
  fetch(`${stack.app('gateway').url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'leading', messages: [{ role: 'user', content: PROMPT }] }),
  });

async function healthOf(model: string) {
  const status = (await (await fetch(`${stack.app('aggregator').url}/status`)).json()) as { targets: TargetHealth[] };
  return status.targets.find((target) => target.model === model);
}

/** Asks through the gateway and returns the answer and its whole trace. */
async function ask(traceId: string): Promise<{ answer: Answer; trace: ReceivedSpan[] }> {
  const response = await post({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  expect(response.status).toBe(200);
  const answer = (await response.json()) as Answer;
  const has = (isIt: (span: ReceivedSpan) => boolean) =>
    vi.waitFor(() => expect(collector.trace(traceId).some(isIt)).toBe(true));
  await has(({ kind }) => kind === 'server');
  await has(({ name }) => name === 'process completion');
  return { answer, trace: collector.trace(traceId) };
}

interface Answer {
  understudy: { jobId: string; target: string };
}

const named = (trace: ReceivedSpan[], name: string): ReceivedSpan => {
  const spans = trace.filter((span) => span.name === name);
  expect(spans, `spans called "${name}" among ${trace.map((span) => span.name).join(', ')}`).toHaveLength(1);
  return spans[0]!;
};

describe('a failover', () => {
  test('is one trace over two processes, with one span per attempt and the failed one in error', () => {
    const { answer, trace } = failover;
    const server = named(trace, 'POST /v1/chat/completions');
    const send = named(trace, 'send completion');
    const process = named(trace, 'process completion');
    const route = named(trace, 'route completion');
    const failed = named(trace, 'chat leading');
    const good = named(trace, 'chat standby');

    expect([server, send, process, route, failed, good].map((span) => [span.service, span.kind, span.status])).toEqual([
      ['gateway', 'server', 'unset'],
      ['gateway', 'producer', 'unset'],
      ['router', 'consumer', 'unset'],
      ['router', 'internal', 'unset'],
      ['router', 'client', 'error'],
      ['router', 'client', 'unset'],
    ]);
    expect([send, process, route, failed, good].map((span) => span.parentSpanId)).toEqual([
      server.spanId,
      send.spanId,
      process.spanId,
      route.spanId,
      route.spanId,
    ]);
    expect(route.attributes).toMatchObject({
      'llm.route.alias': 'leading',
      'llm.route.outcome': 'failover',
      'llm.route.attempts': 2,
      'llm.route.selected': answer.understudy.target,
      'llm.failover': true,
      'llm.failover.count': 1,
      'llm.failover.from': `${dead}/leading`,
      'llm.failover.to': `${alive}/standby`,
      'llm.failover.reason': 'overloaded',
    });
    expect(failed.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'leading',
      'http.response.status_code': 503,
      'error.type': '503',
      'llm.failure.class': 'overloaded',
      'llm.attempt.number': 1,
      'llm.attempt.kind': 'primary',
      'llm.attempt.next_action': 'failover',
      'llm.traffic.type': 'user',
    });
    expect(good.attributes).toMatchObject({
      'http.response.status_code': 200,
      'llm.attempt.number': 2,
      'llm.attempt.kind': 'failover',
      'gen_ai.response.finish_reasons': ['stop'],
    });
    expect(process.attributes).toMatchObject({
      'messaging.system': 'bullmq',
      'messaging.message.id': answer.understudy.jobId,
    });
    expect(process.attributes['llm.queue.wait_ms']).toEqual(expect.any(Number));
    expect(route.events.map((event) => event.name)).toEqual([
      'llm.route.decision',
      'llm.route.decision',
      'llm.failover',
    ]);
    expect(trace).toHaveLength(6);
  });

  test('is one line in the log of the router, with the id of the trace', async () => {
    const { jobId } = failover.answer.understudy;
    const lines = () =>
      stack
        .app('router')
        .logs()
        .filter((line) => line.event === 'llm.failover' && line.job_id === jobId);
    await expect.poll(lines).toEqual([
      expect.objectContaining({
        from: `${dead}/leading`,
        to: `${alive}/standby`,
        reason: 'overloaded',
        trace_id: TRACE_ID,
      }),
    ]);
  });

  test('is one count in the metrics of the router', async () => {
    const text = await (await fetch(`${stack.app('router').url}/metrics`)).text();
    expect(text).toMatch(/^ai_failovers_total\{from_model="leading",to_model="standby",reason="overloaded"\} 1( |$)/m);
  });
});

test('a target known to be sick is avoided, and the trace links the failed call that showed it', async () => {
  const available = async () => {
    await post();
    return (await healthOf('leading'))?.available;
  };
  await expect.poll(available, { timeout: 15_000, interval: 200 }).toBe(false);
  const { trace } = await ask('22222222222222222222222222222222');
  const route = named(trace, 'route completion');
  expect(route.attributes).toMatchObject({ 'llm.route.outcome': 'primary', 'llm.route.attempts': 1 });
  expect(route.attributes).not.toHaveProperty('llm.failover');
  const [link] = route.links;
  expect(link?.attributes).toMatchObject({
    'llm.link.type': 'health_evidence',
    'llm.health.target': `${dead}/leading`,
  });
  const evidence = () => collector.spans().find((span) => span.spanId === link?.spanId);
  await expect.poll(evidence).toMatchObject({ name: 'chat leading', status: 'error' });
});

test('a probe has a trace of its own', async () => {
  const probes = () => collector.spans().filter((span) => span.service === 'prober' && span.kind === 'client');
  await expect.poll(() => probes().length).toBeGreaterThan(1);
  const [one, other] = probes();
  const root = collector.trace(one!.traceId).find((span) => span.parentSpanId === undefined);
  expect(root?.service).toBe('prober');
  expect(one!.traceId).not.toBe(other!.traceId);
});

test('neither prompts nor keys are in any span or log line', () => {
  const told = JSON.stringify(collector.spans()) + stack.processes.map((process) => process.output()).join();
  expect(told).not.toContain(PROMPT);
  expect(told).not.toContain('a-key-that-must-stay-private');
});
