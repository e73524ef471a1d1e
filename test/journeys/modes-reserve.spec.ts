import { CompletionClient } from '#libs/client';
import { ModeStore } from '#libs/store';
import { simulatorAdmin, type Stack, startStack } from '#libs/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// The direct provider takes four calls a minute; the relay is on its way back, and nobody probes it.

const run = `reserve-${process.pid}`;
const [RELAY, DIRECT] = [`${run}-relay`, `${run}-direct`];
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
let stack: Stack;
let client: CompletionClient;

beforeAll(async () => {
  for (const provider of [RELAY, DIRECT])
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 5 } });
  stack = await startStack({
    apps: { aggregator: 1, router: 1 },
    config: `
providers:
  ${RELAY}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${RELAY}/v1' }
  ${DIRECT}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${DIRECT}/v1' }
targets:
  - { id: relay, provider: ${RELAY}, model: m, mode: relay }
  - { id: direct, provider: ${DIRECT}, model: m, mode: direct, limits: { requestsPerMinute: 4 } }
modes: {}
health: { policy: { consecutiveToOpen: 3, openBaseMs: 500, openMaxMs: 1000 } }
`,
  });
  client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
});

afterAll(async () => {
  await client?.close();
  await stack?.stop();
  await Promise.all([RELAY, DIRECT].map((provider) => admin.removeProvider(provider)));
});

interface Status {
  mode: { current: string };
  targets: { target: string; breaker: string }[];
}

const status = async () => (await (await fetch(`${stack.app('aggregator').url}/status`)).json()) as Status;
const breakerOfRelay = async () => (await status()).targets.find(({ target }) => target === 'relay')?.breaker;

const REQUEST = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };

const ask = async () => (await client.complete(REQUEST, { timeoutMs: 25_000 })).understudy.target;

test('jobs over the limit of the direct provider are answered by the relay instead of a minute later, and close its breaker; the mode stays', async () => {
  await admin.kill(RELAY);
  // Of jobs that want the relay and nobody else: its failures open its breaker.
  const pinned = { deadlineMs: 1_500, routing: { pin: 'relay' } };
  for (let i = 0; i < 2; i++) await client.enqueue(REQUEST, pinned);
  await expect.poll(breakerOfRelay, { timeout: 10_000 }).not.toBe('closed');
  const word = new ModeStore({ redisUrl: stack.redisUrl, prefix: stack.prefix });
  await vi.waitFor(() => word.set({ mode: 'direct', reason: 'drill', at: Date.now() }));
  await word.close();
  await vi.waitFor(async () => expect((await status()).mode.current).toBe('direct'), 10_000);
  await admin.revive(RELAY);
  await expect.poll(breakerOfRelay, { timeout: 10_000 }).toBe('half-open');
  // While somebody else can answer nobody tries it.
  for (let i = 0; i < 4; i++) expect(await ask()).toBe('direct');

  const targets = [];
  for (let i = 0; i < 5; i++) targets.push(await ask());
  expect(targets).toEqual(targets.map(() => 'relay'));
  await expect.poll(breakerOfRelay, { timeout: 10_000 }).toBe('closed');
  expect((await status()).mode.current).toBe('direct');
}, 60_000);
