import { uniquePrefix } from '#libs/testing';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { node, tracing } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BullContext } from './bull-context.js';
import { CompletionQueue } from './completion-queue.js';
import { type QueueService, startQueueService } from './queue-service.fixture.js';
import { QueueTelemetry } from './queue-telemetry.js';
import { RejectedJobError } from './rejected-job-error.js';

const redisUrl = process.env.REDIS_URL!;
const exporter = new tracing.InMemorySpanExporter();
const provider = new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
provider.register();
const tracer = trace.getTracer('test');

const job = { request: { model: 'm', messages: [{ role: 'user', content: 'a secret prompt' }] } };
let handle: (context: BullContext) => unknown;
let queue: CompletionQueue;
let service: QueueService;

beforeAll(async () => {
  const prefix = uniquePrefix();
  const telemetry = new QueueTelemetry({ server: { host: 'cache.local', port: 7000 } });
  queue = new CompletionQueue({ redisUrl, prefix, telemetry });
  service = await startQueueService({
    queue: 'completion',
    redisUrl,
    prefix,
    telemetry,
    extras: { name: 'worker-1' },
    handle: (_payload, ctx) => handle(ctx),
  });
});
afterEach(() => exporter.reset());
afterAll(async () => {
  await service.app.close();
  await queue.close();
  await provider.shutdown();
});

const spans = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);

/** Adds a job under a span called `request` and waits until `runs` runs of it are over. */
async function runJob(work: (context: BullContext) => unknown, runs = 1): Promise<string> {
  handle = work;
  const jobId = await tracer.startActiveSpan('request', async (span) => queue.add(job).finally(() => span.end()));
  await vi.waitFor(() => expect(spans('process completion')).toHaveLength(runs));
  return jobId;
}

describe('QueueTelemetry', () => {
  it('makes one trace of the request, the sending, the work and what the work does, with standard attributes', async () => {
    const jobId = await runJob(() => tracer.startActiveSpan('work', (span) => span.end()));

    const [request, send, process, work] = ['request', 'send completion', 'process completion', 'work'].map(
      (name) => spans(name)[0]!,
    );
    expect(new Set([request, send, process, work].map((span) => span!.spanContext().traceId)).size).toBe(1);
    expect(send!.parentSpanContext?.spanId).toBe(request!.spanContext().spanId);
    expect(process!.parentSpanContext?.spanId).toBe(send!.spanContext().spanId);
    expect(work!.parentSpanContext?.spanId).toBe(process!.spanContext().spanId);
    expect(process!.links.map((link) => link.context.spanId)).toEqual([send!.spanContext().spanId]);

    const shared = {
      'messaging.system': 'bullmq',
      'messaging.destination.name': 'completion',
      'messaging.message.id': jobId,
      'bullmq.job.name': 'completion',
      'server.address': 'cache.local',
      'server.port': 7000,
    };
    expect(send!.kind).toBe(SpanKind.PRODUCER);
    expect(send!.attributes).toEqual({
      ...shared,
      'messaging.operation.name': 'add',
      'messaging.operation.type': 'send',
    });
    expect(process!.kind).toBe(SpanKind.CONSUMER);
    expect(process!.attributes).toEqual({
      ...shared,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'bullmq.worker.name': 'worker-1',
      'bullmq.job.attempts.made': 1,
    });
    expect([send, process].map((span) => span!.status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  });

  it('makes no span of what BullMQ does beside that, and writes no payload', async () => {
    await runJob(() => ({ answer: 'a secret answer' }));
    expect(
      exporter
        .getFinishedSpans()
        .map((span) => span.name)
        .toSorted(),
    ).toEqual(['process completion', 'request', 'send completion']);
    const written = exporter.getFinishedSpans().map(({ name, attributes, events }) => ({ name, attributes, events }));
    expect(JSON.stringify(written)).not.toContain('secret');
  });

  it('marks the work on a failed job as an error', async () => {
    await runJob(() => {
      throw new RejectedJobError('no such model');
    });
    const process = spans('process completion')[0]!;
    expect(process.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such model' });
    expect(process.attributes['error.type']).toBe('job_failed');
  });

  it('keeps the error type that the handler has set', async () => {
    await runJob(() => {
      trace.getSpan(context.active())!.setAttribute('error.type', 'exhausted');
      throw new RejectedJobError('all failed');
    });
    expect(spans('process completion')[0]!.attributes['error.type']).toBe('exhausted');
  });

  it('does not call parking an error, and keeps the later run in the same trace', async () => {
    await runJob((ctx) => (ctx.attemptsStarted === 1 ? ctx.parkUntil(Date.now() + 20) : undefined), 2);
    const runs = spans('process completion');
    expect(runs.map((span) => span.status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
    expect(new Set(runs.map((span) => span.spanContext().traceId))).toEqual(
      new Set([spans('request')[0]!.spanContext().traceId]),
    );
  });
});
