import {
  ATTR,
  type EmbeddingsJob,
  type EmbeddingsRequest,
  type EmbeddingsResult,
  type JobOutcome,
} from '#libs/contracts';
import { node, tracing } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { attemptsOf, type Pair, type PairOptions, startPair } from './guarantees.fixture.js';

/** The promises about embeddings, each through a whole router, real Redis and the simulator. */
const URLS = { redisUrl: process.env.REDIS_URL!, simulatorUrl: process.env.SIMULATOR_URL! };
const VECTORS = 'operation: embeddings, embeddings: { space: e }';
const exporter = new tracing.InMemorySpanExporter();
const tracer = new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
tracer.register();
afterAll(() => tracer.shutdown());

let pair: Pair;
const start = async (options: PairOptions = {}) =>
  (pair = await startPair(URLS, { first: VECTORS, second: VECTORS, ...options }));
afterEach(() => pair?.stop());

const jobFor = (request: Partial<EmbeddingsRequest> = {}, envelope: Partial<EmbeddingsJob> = {}): EmbeddingsJob => ({
  operation: 'embeddings',
  request: { model: 'm1', input: ['one', 'two'], ...request },
  ...envelope,
});

function resultOf(outcome: JobOutcome): EmbeddingsResult {
  if (outcome.status === 'failed') throw new Error(`no answer: ${outcome.error.message}`);
  return outcome.result as EmbeddingsResult;
}

/** How many numbers each vector has. */
const lengthsOf = (outcome: JobOutcome) => resultOf(outcome).data.map(({ embedding }) => embedding.length);

test('a job for embeddings gets a vector for each input, with tokens, cost and who gave them', async () => {
  await start({ first: `${VECTORS}, price: { inputPerMillion: 100000, outputPerMillion: 0 }` });
  const outcome = await pair.run(jobFor({ input: ['one', 'two', 'one'] }));
  const { data, understudy, ...rest } = resultOf(outcome);
  expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(data[2]?.embedding).toEqual(data[0]?.embedding);
  expect(data[1]?.embedding).not.toEqual(data[0]?.embedding);
  expect(rest).toMatchObject({ object: 'list', model: 'm1', usage: { prompt_tokens: 3 } });
  expect(understudy).toMatchObject({
    target: 'one',
    requestedModel: 'm1',
    attempts: [{ number: 1, target: 'one', outcome: 'success', httpStatus: 200, costUsd: 0.3 }],
    usage: { inputTokens: 3, outputTokens: 0, estimated: false },
    cost: { usd: 0.3, source: 'config' },
  });
  expect(await pair.callsToFirst()).toMatchObject([{ operation: 'embeddings' }]);
});

describe('an answer that is none is a failed attempt, and the next target of the same space answers', () => {
  test.each([
    ['503', { kind: 'down' }, 'overloaded'],
    ['no answer in time', { kind: 'down', mode: 'hang' }, 'timeout'],
    ['a body that is cut', { kind: 'cut' }, 'connection'],
    ['a reset in the middle', { kind: 'reset', at: 'mid-body' }, 'connection'],
    ['a page of HTML', { kind: 'html' }, 'bad_response'],
    ['no list', { kind: 'no-choices' }, 'bad_response'],
    ['an empty list', { kind: 'empty-choices' }, 'bad_response'],
    ['a vector too few', { kind: 'bad-vectors', defect: 'missing' }, 'bad_response'],
    ['a vector that is too short', { kind: 'bad-vectors', defect: 'short' }, 'bad_response'],
    ['what is no number', { kind: 'bad-vectors', defect: 'not-finite' }, 'bad_response'],
  ] as const)('%s', async (_what, fault, failure) => {
    await start({ first: `${VECTORS}, timeoutMs: 1000` });
    await pair.fault(fault);
    for (const encoding_format of ['float', 'base64'] as const) {
      const outcome = await pair.run(jobFor({ encoding_format }));
      const attempts = attemptsOf(outcome);
      expect(attempts.at(-1)).toEqual(['two', 'success']);
      // A target that has failed may be avoided the second time.
      for (const attempt of attempts.slice(0, -1)) expect(attempt).toEqual(['one', failure]);
      expect(resultOf(outcome).data.map(({ embedding }) => typeof embedding)).toEqual(
        Array(2).fill(encoding_format === 'base64' ? 'string' : 'object'),
      );
    }
    await expect.poll(() => pair.countedForFirst()).toContain(failure);
  });

  test('another length than the target is configured to give', async () => {
    await start({
      first: 'operation: embeddings, embeddings: { space: e, dimensions: 16 }',
      second: 'operation: embeddings, embeddings: { space: e, dimensions: 16 }, request: { set: { dimensions: 16 } }',
    });
    const outcome = await pair.run(jobFor());
    expect(attemptsOf(outcome)).toEqual([
      ['one', 'bad_response'],
      ['two', 'success'],
    ]);
    expect(lengthsOf(outcome)).toEqual([16, 16]);
  });
});

test('the trace of such a job says what was asked for, and nothing of it', async () => {
  await start();
  exporter.reset();
  await pair.run(jobFor({ input: ['a very private text'] }));
  const spans = exporter.getFinishedSpans();
  const attributesOf = (name: string) => spans.find((span) => span.name === name)?.attributes;
  expect(attributesOf('route completion')).toMatchObject({ [ATTR.operation]: 'embeddings', [ATTR.routeAlias]: 'm1' });
  expect(attributesOf('embeddings m1')).toMatchObject({
    [ATTR.genAiOperation]: 'embeddings',
    [ATTR.genAiResponseModel]: 'm1',
    [ATTR.genAiInputTokens]: 5,
  });
  expect(attributesOf('embeddings m1')).not.toHaveProperty([ATTR.genAiFinishReasons]);
  expect(JSON.stringify([spans.map(({ attributes, events }) => [attributes, events]), pair.router.logs])).not.toMatch(
    /private/,
  );
});

describe('a length that a job asks for', () => {
  test('is what it gets', async () => {
    await start();
    expect(lengthsOf(await pair.run(jobFor({ dimensions: 24 })))).toEqual([24, 24]);
  });

  test('that a target does not know is tried elsewhere, and the target is not blamed', async () => {
    await start({ first: `${VECTORS}, request: { drop: [dimensions] }` });
    const outcome = await pair.run(jobFor({ dimensions: 24 }));
    expect(attemptsOf(outcome)).toEqual([
      ['one', 'unsupported_param'],
      ['two', 'success'],
    ]);
    expect(lengthsOf(outcome)).toEqual([24, 24]);
  });

  test('that no target knows is rejected at once, with the reason', async () => {
    const drop = `${VECTORS}, request: { drop: [dimensions] }`;
    await start({ first: drop, second: drop });
    const outcome = await pair.run(jobFor({ dimensions: 24 }));
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'request_rejected', retryable: false } });
    expect(outcome).toMatchObject({ error: { message: expect.stringContaining('24 were asked for') as string } });
    expect(attemptsOf(outcome)).toEqual([
      ['one', 'unsupported_param'],
      ['two', 'unsupported_param'],
    ]);
  });
});

test.each([
  ['vectors of another space', 'operation: embeddings'],
  ['words', ''],
])('%s never answer for embeddings: the job waits, and fails at its deadline', async (_what, second) => {
  await start({ second });
  await pair.fault({ kind: 'down' });
  const outcome = await pair.run(jobFor({}, { deadlineMs: 1_500 }));
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded' } });
  expect(await pair.callsToSecond()).toEqual([]);
});

test('a job for embeddings that finds nobody is parked with its kind, and answered when its target is back', async () => {
  await start({ second: '' });
  await pair.fault({ kind: 'rate-limit', retryAfterSeconds: 1 }, { forRequests: 1 });
  const outcome = await pair.run(jobFor({}, { deadlineMs: 60_000 }), 60_000);
  expect(attemptsOf(outcome).at(-1)).toEqual(['one', 'success']);
  // Told once the job is let go, which may be after its answer.
  await expect
    .poll(() => pair.router.logs.map(({ event }) => event))
    .toEqual(expect.arrayContaining(['llm.jobs.parked', 'llm.jobs.released']));
  expect(await pair.callsToSecond()).toEqual([]);
});

test('2,048 inputs are answered whole', async () => {
  await start();
  const input = Array.from({ length: 2_048 }, (_, i) => `text ${i}`);
  const outcome = await pair.run(jobFor({ input, dimensions: 256, encoding_format: 'base64' }), 30_000);
  const { data } = resultOf(outcome);
  expect(data).toHaveLength(2_048);
  for (const { embedding } of data) expect(Buffer.from(String(embedding), 'base64').byteLength).toBe(256 * 4);
});

test.each<[string, unknown, string, string]>([
  ['with nothing in it', jobFor({ input: [] }), 'invalid_request', 'request.input'],
  ['with an empty text', jobFor({ input: ['a', ''] }), 'invalid_request', 'request.input[1]'],
  ['with 2,049 inputs', jobFor({ input: Array(2_049).fill('a') as string[] }), 'invalid_request', 'request.input'],
  ['of a model that talks', jobFor({ model: 'm2' }), 'invalid_request', 'model'],
  ['of the best of all that talk', jobFor({ model: 'auto' }), 'invalid_request', 'model'],
  ['to be streamed', { ...jobFor(), streaming: true }, 'invalid_request', 'streaming'],
  ['of a model that there is not', jobFor({ model: 'm9' }), 'unknown_model', 'model'],
])(
  'a job for embeddings %s fails at once, by the name of the field, and calls nobody',
  async (_what, job, code, field) => {
    await start({ second: '' });
    expect(await pair.router.run(job)).toMatchObject({ status: 'failed', error: { code, field, attempts: [] } });
    expect([...(await pair.callsToFirst()), ...(await pair.callsToSecond())]).toEqual([]);
  },
);

test('a chat completion of a model that makes embeddings fails at once', async () => {
  await start();
  expect(await pair.run()).toMatchObject({ status: 'failed', error: { code: 'invalid_request', field: 'model' } });
});
