import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const MAX_WAITING = 5;
const provider = `slow-${randomBytes(4).toString('hex')}`;
const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
let stack: Stack;

beforeAll(async () => {
  await simulator.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 10 } });
  stack = await startStack({
    apps: { router: 1, gateway: 1 },
    env: { ROUTER_CONCURRENCY: '1' },
    config: `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: m, timeoutMs: 60000 }]
jobs: { maxWaiting: ${MAX_WAITING} }
`,
  });
}, 60_000);
afterAll(() => stack?.stop());

const ask = () =>
  fetch(`${stack.app('gateway').url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] }),
  });

/** How many jobs wait, as whoever watches the router sees it. */
async function depth(): Promise<number> {
  const text = await (await fetch(`${stack.app('router').url}/metrics`)).text();
  const found = /^bullmq_job_count\{(?=[^}]*queue="completion")[^}]*state="prioritized"[^}]*\} (\d+)/m.exec(text);
  return Number(found?.[1] ?? 0);
}

it('P8 the gateway turns away what is over the limit with 503 and Retry-After; the depth shows it, and nothing is lost', async () => {
  await simulator.slow(provider, { addMs: 8_000 });
  const asked: Promise<Response>[] = [];
  const refusals: Response[] = [];
  // One job is in the router's only hand, the others wait. A refusal comes at once, an answer only when the provider is back.
  await vi.waitFor(
    async () => {
      const answer = ask();
      asked.push(answer);
      void answer.then((response) => response.status === 503 && refusals.push(response));
      await Promise.race([answer, pause(250)]);
      expect(await depth()).toBe(MAX_WAITING);
      expect(refusals.length).toBeGreaterThan(0);
    },
    { timeout: 30_000, interval: 50 },
  );
  const [refusal] = refusals;
  expect(Number(refusal!.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refusal!.json()).toMatchObject({
    error: { code: 'queue_full', message: expect.stringContaining(`at most ${MAX_WAITING}`) as string },
  });

  await simulator.revive(provider);
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  const refused = statuses.filter((status) => status === 503).length;
  const answered = statuses.filter((status) => status === 200).length;
  expect(answered + refused).toBe(asked.length);
  expect(answered).toBeGreaterThanOrEqual(MAX_WAITING + 1);
  const metrics = await (await fetch(`${stack.app('gateway').url}/metrics`)).text();
  expect(metrics).toMatch(new RegExp(`^ai_gateway_errors_total{code="queue_full"} ${refused}$`, 'm'));
  await expect.poll(depth).toBe(0);
}, 120_000);
