import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { simulatorAdmin, startProcess, startStack, type Stack } from '#libs/testing';
import OpenAI, { NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

// A caller who knows nothing of Understudy: curl, and OpenAI's own package. All services are real processes.

const id = randomBytes(4).toString('hex');
const [first, second] = [`first-${id}`, `second-${id}`];
const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
let stack: Stack;
let openai: OpenAI;

beforeAll(async () => {
  for (const name of [first, second])
    await simulator.createProvider(name, { models: { m: {} }, latency: { kind: 'fixed', ms: 10 } });
  stack = await startStack({
    config: `
providers:
  ${first}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${first}/v1' }
  ${second}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${second}/v1' }
targets:
  - { provider: ${first}, model: m, serves: [chat], weight: 5, timeoutMs: 5000, fallbacks: [${second}/m] }
  - { provider: ${second}, model: m, serves: [spare], weight: 1, timeoutMs: 5000 }
probes: { intervalMs: 60000 }
`,
  });
  openai = new OpenAI({ baseURL: `${stack.app('gateway').url}/v1`, apiKey: 'none-needed', maxRetries: 0 });
  // Routers announce their models when they are up; from then on the gateway knows what to refuse.
  await vi.waitFor(async () => {
    const { data } = await openai.models.list();
    if (!data.some((model) => model.id === 'chat')) throw new Error('no router has announced its models');
  });
});
afterAll(() => stack?.stop());

const ask = { model: 'chat', messages: [{ role: 'user' as const, content: 'hello, are you there?' }] };
const isAsked = ({ promptChars }: { promptChars: number }) => promptChars === ask.messages[0]!.content.length;

describe('the official openai package', () => {
  it('gets an answer, with who gave it', async () => {
    const { data, response } = await openai.chat.completions
      .create({ ...ask, max_completion_tokens: 8 })
      .withResponse();
    expect(data.choices[0]?.message.content).toBeTruthy();
    expect(data.choices[0]?.finish_reason).toBeTruthy();
    expect(data.usage?.total_tokens).toBeGreaterThan(0);
    expect(data).toMatchObject({ object: 'chat.completion', understudy: { attempts: [{ outcome: 'success' }] } });
    expect(response.headers.get('x-understudy-target')).toBe(`${first}/m`);
    expect(response.headers.get('x-understudy-attempts')).toBe('1');
  });

  it('gets its answer from the next target when the first one fails', async () => {
    await simulator.kill(first);
    try {
      const { data, response } = await openai.chat.completions.create(ask).withResponse();
      expect(data.choices[0]?.message.content).toBeTruthy();
      expect(response.headers.get('x-understudy-target')).toBe(`${second}/m`);
    } finally {
      await simulator.revive(first);
    }
  });

  it('can name the target that it prefers', async () => {
    const headers = { 'x-understudy-preferred': `${second}/m` };
    const { response } = await openai.chat.completions.create(ask, { headers }).withResponse();
    expect(response.headers.get('x-understudy-target')).toBe(`${second}/m`);
  });

  it('knows the error of an unknown model as its own, and reads what is known', async () => {
    const refusal = await openai.chat.completions
      .create({ ...ask, model: 'gpt-5000' })
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(NotFoundError);
    expect(refusal).toMatchObject({
      code: 'model_not_found',
      param: 'model',
      message: expect.stringContaining('spare'),
    });
  });

  it('retrieves a model', async () => {
    expect(await openai.models.retrieve('spare')).toMatchObject({ id: 'spare', object: 'model' });
  });
});

describe('curl', () => {
  const curl = async (path: string, ...options: string[]) => {
    const url = stack.app('gateway').url + path;
    const { stdout } = await promisify(execFile)('curl', ['-sS', '-w', '\n%{http_code}', ...options, url]);
    const end = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(end)), json: JSON.parse(stdout.slice(0, end)) };
  };

  it('gets an answer with -d alone, without naming a content type', async () => {
    const { status, json } = await curl('/v1/chat/completions', '-d', JSON.stringify(ask));
    expect(status).toBe(200);
    expect(json.understudy.target).toBe(`${first}/m`);
  });

  it('is told what is wrong with its JSON', async () => {
    expect(await curl('/v1/chat/completions', '-d', '{"model":')).toMatchObject({
      status: 400,
      json: { error: { code: 'invalid_request' } },
    });
  });

  it('reads the health of the door', async () => {
    expect(await curl('/health')).toMatchObject({ status: 200, json: { status: 'healthy' } });
  });
});

// Each test starts a process, and a busy machine takes seconds for one.
describe('the gateway', { timeout: 60_000 }, () => {
  it('answers the requests in hand after SIGTERM, and ends with code 0', async () => {
    const gateway = await stack.add('gateway');
    // Pings come in between: they are shorter than the question.
    const callCount = async () => (await simulator.calls({ provider: first })).calls.filter(isAsked).length;
    const before = await callCount();
    await simulator.slow(first, { addMs: 1_000 });
    try {
      const answer = fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(ask) });
      await vi.waitFor(async () => expect(await callCount()).toBeGreaterThan(before));
      const ended = gateway.stop();
      expect((await answer).status).toBe(200);
      expect(await ended).toMatchObject({ code: 0 });
    } finally {
      await simulator.revive(first);
    }
  });

  it('refuses to open itself to the network without keys, in one readable message', async () => {
    const open = await startProcess({
      name: 'open gateway',
      entry: 'apps/gateway/src/main.js',
      env: { HOST: '0.0.0.0', REDIS_URL: stack.redisUrl },
      waitUntilReady: false,
    });
    expect(await open.exited).toMatchObject({ code: 1 });
    expect(open.output()).toContain('GATEWAY_API_KEYS: is not set, but HOST=0.0.0.0');
    expect(open.output()).not.toMatch(/\n\s+at /);
  });
});
