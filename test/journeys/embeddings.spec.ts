import { randomBytes } from 'node:crypto';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import OpenAI, { BadRequestError } from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

// A search service that knows OpenAI's own package and nothing of Understudy. All services are real processes.

const id = randomBytes(4).toString('hex');
const [first, second] = [`first-${id}`, `second-${id}`];
const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
let stack: Stack;
let openai: OpenAI;

beforeAll(async () => {
  for (const name of [first, second])
    await simulator.createProvider(name, { models: { e: {}, m: {} }, latency: { kind: 'fixed', ms: 10 } });
  stack = await startStack({
    config: `
providers:
  ${first}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${first}/v1' }
  ${second}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${second}/v1' }
targets:
  - { provider: ${first}, model: e, operation: embeddings, embeddings: { dimensions: 8 }, fallbacks: [${second}/e], timeoutMs: 5000 }
  - { provider: ${second}, model: e, operation: embeddings, embeddings: { dimensions: 8 }, weight: 0, timeoutMs: 5000 }
  - { provider: ${second}, model: m }
probes: { intervalMs: 2000 }
`,
  });
  openai = new OpenAI({ baseURL: `${stack.app('gateway').url}/v1`, apiKey: 'none-needed', maxRetries: 0 });
});
afterAll(() => stack?.stop());

const texts = { model: 'e', input: ['the lead is out', 'the understudy goes on', 'the lead is out'] };

describe('the official openai package', () => {
  it('finds the model in the list, beside those that talk', async () => {
    await vi.waitFor(async () => {
      const { data } = await openai.models.list();
      expect(data.map((model) => model.id)).toEqual(['auto', 'e', 'm']);
    });
  });

  it('gets its vectors, the same in either encoding, with who gave them', async () => {
    const { data, response } = await openai.embeddings.create(texts).withResponse();
    expect(data.data.map(({ embedding }) => embedding.length)).toEqual([8, 8, 8]);
    expect(data.data[2]?.embedding).toEqual(data.data[0]?.embedding);
    expect(data.usage.total_tokens).toBeGreaterThan(0);
    expect(data).toMatchObject({ object: 'list', understudy: { attempts: [{ outcome: 'success' }] } });
    expect(response.headers.get('x-understudy-target')).toBe(`${first}/e`);
    const plain = await openai.embeddings.create({ ...texts, encoding_format: 'float' });
    const [one, other] = [data, plain].map((answer) => answer.data[0]!.embedding);
    for (const [i, value] of one!.entries()) expect(value).toBeCloseTo(other![i]!, 6);
    expect((await openai.embeddings.create({ ...texts, dimensions: 16 })).data[1]?.embedding).toHaveLength(16);
  });

  it('gets the same vectors from the next target when the first one answers with less than was asked', async () => {
    const before = await openai.embeddings.create(texts);
    await simulator.addFault({ provider: first, model: 'e', fault: { kind: 'bad-vectors', defect: 'missing' } });
    try {
      const { data, response } = await openai.embeddings.create(texts).withResponse();
      expect(response.headers.get('x-understudy-target')).toBe(`${second}/e`);
      expect(data.data).toEqual(before.data);
    } finally {
      await simulator.revive(first);
    }
  });

  it('knows the refusal of a model that only talks as its own error, and reads what there is', async () => {
    const refusal = await openai.embeddings.create({ ...texts, model: 'm' }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BadRequestError);
    expect(refusal).toMatchObject({ param: 'model', message: expect.stringContaining('for that there is: e') });
    const talk = { model: 'e', messages: [{ role: 'user' as const, content: 'hi' }] };
    await expect(openai.chat.completions.create(talk)).rejects.toMatchObject({ status: 400, param: 'model' });
  });
});

it('pings of such a target are embeddings too, and tell whether it is well', async () => {
  await vi.waitFor(async () => {
    const { calls } = await simulator.calls({ provider: second, model: 'e' });
    const pings = calls.filter(({ promptChars }) => promptChars === 4);
    expect(pings.length).toBeGreaterThan(0);
    expect(new Set(pings.map(({ operation }) => operation))).toEqual(new Set(['embeddings']));
  });
  await vi.waitFor(async () => {
    const status = (await (await fetch(`${stack.app('aggregator').url}/status`)).json()) as { targets: object[] };
    expect(status.targets).toContainEqual(expect.objectContaining({ target: `${second}/e`, available: true }));
  });
});
