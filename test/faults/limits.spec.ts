import { CompletionClient } from '#libs/client';
import { simulatorAdmin, type Stack, startStack } from '#libs/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

// Two router processes before one target that takes one call at a time.

const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
let provider: string;
let stack: Stack;
let client: CompletionClient;

beforeEach(async () => {
  provider = `single-${process.pid}`;
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 10 } });
  stack = await startStack({
    apps: { router: 2 },
    config: `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets:
  - { provider: ${provider}, model: m, timeoutMs: 2500, firstTokenTimeoutMs: 2500, limits: { maxInFlight: 1 } }
jobs: { takeoverMs: 2000 }
`,
  });
  client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
});

afterEach(async () => {
  await client?.close();
  await stack?.stop();
  await admin.removeProvider(provider);
});

const ask = () =>
  client.complete({ model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }, { timeoutMs: 30_000 });

test('G53 a router killed with SIGKILL gives its places back: its job and the others are answered', async () => {
  await admin.addFault({ provider, fault: { kind: 'down', mode: 'hang' }, forRequests: 1 });
  const first = ask();
  await vi.waitFor(async () => expect((await admin.calls({ provider })).total).toBe(1), { interval: 5 });
  const others = [ask(), ask()];
  // Which of the two holds the place is not known from outside: the one whose death ends the call.
  const held = async () => (await admin.calls({ provider })).calls[0]!;
  for (const router of [0, 1]) {
    stack.app('router', router).kill('SIGKILL');
    await stack.app('router', router).exited;
    const ended = await vi
      .waitFor(async () => expect((await held()).aborted).toBe(true), { timeout: 1_000, interval: 10 })
      .then(() => true)
      .catch(() => false);
    if (ended) break;
    await stack.add('router');
  }
  const answers = await Promise.all([first, ...others]);
  expect(answers.map(({ understudy }) => understudy.target)).toEqual(Array(3).fill(`${provider}/m`));
  const { calls } = await admin.calls({ provider });
  const underWayAt = (at: number) =>
    calls.filter((call) => call.at <= at && at < call.at + (call.latencyMs ?? 0)).length;
  for (const { at } of calls) expect(underWayAt(at)).toBeLessThanOrEqual(1);
}, 60_000);
