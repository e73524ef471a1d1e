import { connect } from 'node:net';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { UnderstudyError } from '#libs/contracts';
import { node, tracing } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { answerTo, startGateway, type GatewaySetup, type GatewayUnderTest } from './gateway.fixture.js';

const exporter = new tracing.InMemorySpanExporter();
const provider = new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
provider.register();
afterAll(() => provider.shutdown());

const running: GatewayUnderTest[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((started) => started.stop()));
  exporter.reset();
});

const callersTrace = '0af7651916cd43dd8448eb211c80319c';
const callersSpan = 'b7ad6b7169203331';

/** Sends one request and returns the finished server span, and the span of the job that was enqueued, if one was. */
async function spansOf(
  setup: GatewaySetup,
  body: string,
  headers: Record<string, string> = {},
  path = '/v1/chat/completions',
) {
  const door = await startGateway(setup);
  running.push(door);
  const response = await fetch(door.url + path, { method: 'POST', body, headers });
  await response.text();
  const named = (name: string) => exporter.getFinishedSpans().find((span) => span.name === name);
  const server = await vi.waitFor(() => {
    const span = named(`POST ${path}`);
    if (!span) throw new Error('the server span has not ended');
    return span;
  });
  return { server, send: named('send completion') };
}

const body = JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'a private prompt' }] });

describe('the span of a request', () => {
  it('continues the caller’s trace, and the job continues it', async () => {
    const { server, send } = await spansOf({ script: answerTo }, body, {
      traceparent: `00-${callersTrace}-${callersSpan}-01`,
    });
    expect(server.kind).toBe(SpanKind.SERVER);
    expect(server.spanContext().traceId).toBe(callersTrace);
    expect(server.parentSpanContext?.spanId).toBe(callersSpan);
    expect(server.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
    });
    expect(server.status.code).toBe(SpanStatusCode.UNSET);
    expect(send?.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
  });

  it('begins a trace when the caller sent none', async () => {
    const { server } = await spansOf({ script: answerTo }, body);
    expect(server.parentSpanContext).toBeUndefined();
  });

  it('is no error when the caller made the mistake', async () => {
    const { server } = await spansOf({}, '{');
    expect(server.attributes['http.response.status_code']).toBe(400);
    expect(server.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('is there for a request without a key', async () => {
    const { server } = await spansOf({ keys: ['a-key-of-the-right-length'] }, body);
    expect(server.attributes['http.response.status_code']).toBe(401);
  });

  it('tells how a stream went', async () => {
    const streamed = JSON.stringify({ ...JSON.parse(body), stream: true });
    const { server } = await spansOf({ script: answerTo }, streamed, { 'x-understudy-stream': 'whole' });
    expect(server.attributes).toMatchObject({
      'http.response.status_code': 200,
      'llm.stream.delivery': 'whole',
      'llm.stream.outcome': 'completed',
      'llm.stream.restarts': 0,
      'llm.stream.first_byte_ms': expect.any(Number),
    });
  });

  it('tells of a caller that was hung up on because it did not read', async () => {
    const content = 'words and '.repeat(2_000_000);
    const door = await startGateway({
      script: (job, jobId) => answerTo(job, jobId, content),
      stalledAfterMs: 200,
    });
    running.push(door);
    const caller = connect(Number(new URL(door.url).port), '127.0.0.1').pause();
    caller.on('error', () => undefined);
    caller.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const attributes = await vi.waitFor(
      () => exporter.getFinishedSpans().find(({ kind }) => kind === SpanKind.SERVER)!.attributes,
      15_000,
    );
    expect(attributes).toMatchObject({ 'error.type': 'client_stalled' });
    caller.destroy();
  });

  it('is there for a job that nobody waits for, and the job continues it', async () => {
    const { server, send } = await spansOf({ script: answerTo }, body, {}, '/v1/jobs');
    expect(server.attributes).toMatchObject({ 'http.route': '/v1/jobs', 'http.response.status_code': 202 });
    expect(send?.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
  });

  it('is an error when no answer could be given', async () => {
    const error = new UnderstudyError('all_targets_failed', 'nobody answered').toJSON();
    const { server } = await spansOf({ script: () => ({ status: 'failed', error }) }, body);
    expect(server.attributes).toMatchObject({ 'http.response.status_code': 502, 'error.type': '502' });
    expect(server.status.code).toBe(SpanStatusCode.ERROR);
  });
});
