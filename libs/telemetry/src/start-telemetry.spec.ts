import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTelemetry, type Telemetry } from './start-telemetry.js';

interface Post {
  url: string | undefined;
  contentType: string | undefined;
  body: string;
}

let collector: Server;
let posts: Post[];
let answer: (request: IncomingMessage) => boolean;
let endpoint: string;
let telemetry: Telemetry | undefined;

beforeEach(async () => {
  posts = [];
  answer = () => true;
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      posts.push({ url: request.url, contentType: request.headers['content-type'], body });
      if (answer(request)) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await telemetry?.shutdown(1_000);
  telemetry = undefined;
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
  vi.unstubAllEnvs();
});

const makeSpan = (name: string, attributes = {}) => trace.getTracer('spec').startSpan(name, { attributes }).end();

/** The one resource and its spans, out of an OTLP/JSON body. */
function decode(post: Post) {
  const [resourceSpans] = JSON.parse(post.body).resourceSpans;
  const attributesOf = (list: { key: string; value: Record<string, unknown> }[]) =>
    Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
  return {
    resource: attributesOf(resourceSpans.resource.attributes),
    spans: resourceSpans.scopeSpans[0].spans.map((span: { name: string; attributes: [] }) => ({
      name: span.name,
      attributes: attributesOf(span.attributes),
    })),
  };
}

describe('with an endpoint', () => {
  it('sends spans as OTLP/HTTP, under the name of the service', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test');
    telemetry = startTelemetry({ serviceName: 'router' });
    makeSpan('route completion', { long: 'x'.repeat(5_000) });
    await telemetry.shutdown();

    expect(posts).toHaveLength(1);
    expect(posts[0]).toMatchObject({ url: '/v1/traces', contentType: 'application/json' });
    const { resource, spans } = decode(posts[0]!);
    expect(resource).toMatchObject({
      'service.name': 'router',
      'service.namespace': 'understudy',
      'deployment.environment.name': 'test',
    });
    expect(spans).toEqual([{ name: 'route completion', attributes: { long: 'x'.repeat(2_048) } }]);
  });

  it('says nothing of the machine, its user or the command line', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json');
    telemetry = startTelemetry({ serviceName: 'router' });
    makeSpan('any');
    await telemetry.shutdown();

    const names = Object.keys(decode(posts[0]!).resource).toSorted();
    expect(names).toEqual([
      'service.instance.id',
      'service.name',
      'service.namespace',
      'telemetry.sdk.language',
      'telemetry.sdk.name',
      'telemetry.sdk.version',
    ]);
  });

  it('uses protobuf when no protocol is named', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    telemetry = startTelemetry({ serviceName: 'router' });
    makeSpan('any');
    await telemetry.shutdown();
    expect(posts[0]).toMatchObject({ url: '/v1/traces', contentType: 'application/x-protobuf' });
  });

  it('sends while the process runs, and batches as the OTEL_BSP_* variables say', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    vi.stubEnv('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '2');
    telemetry = startTelemetry({ serviceName: 'router' });
    for (const name of ['one', 'two', 'three', 'four']) makeSpan(name);
    await expect.poll(() => posts.length).toBe(2);
  });

  it('ends within its deadline when the collector takes spans and never answers', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    answer = () => false;
    telemetry = startTelemetry({ serviceName: 'router' });
    makeSpan('any');
    const began = performance.now();
    await telemetry.shutdown(300);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(posts).toHaveLength(1);
  });

  it('ends within its deadline when there is no collector, and tells of the failed export', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '10');
    vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '200');
    const onExportError = vi.fn();
    telemetry = startTelemetry({ serviceName: 'router', onExportError });
    makeSpan('any');
    await vi.waitFor(() => expect(onExportError).toHaveBeenCalled(), 15_000);
    makeSpan('another');
    const began = performance.now();
    await telemetry.shutdown(300);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('without an endpoint', () => {
  it('sends nothing, and hands out real trace ids', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', '');
    // Where exporters go by default: nothing may be tried there either.
    const connect = vi.spyOn((await import('node:http')).default, 'request');
    telemetry = startTelemetry({ serviceName: 'router' });
    const span = trace.getTracer('spec').startSpan('any');
    expect(span.spanContext().traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    span.end();
    await telemetry.shutdown();
    expect(telemetry.exporting).toBe(false);
    expect(connect).not.toHaveBeenCalled();
    connect.mockRestore();
  });
});

describe('bad settings', () => {
  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318', /^OTEL_EXPORTER_OTLP_ENDPOINT: is not an HTTP address/],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'collector', /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: is not an HTTP address/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /^OTEL_EXPORTER_OTLP_PROTOCOL: .* http\/protobuf, http\/json/],
  ])('%s=%s is refused with its name and the fix', (variable, value, message) => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    vi.stubEnv(variable, value);
    expect(() => startTelemetry({ serviceName: 'router' })).toThrow(message);
  });
});
