import { simulatorAdmin, type Stack, startStack } from '#libs/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// A target that is refused is asked more and more seldom, unless a prober starts: real processes.

const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const provider = `refused-${process.pid}`;
let stack: Stack;

beforeAll(async () => {
  await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 5 } });
  stack = await startStack({
    apps: { prober: 1, aggregator: 1 },
    config: `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ id: one, provider: ${provider}, model: m }]
probes: { intervalMs: 1000 }
health: { policy: { openBaseMs: 500, idleHalfOpenMs: 500 } }
`,
  });
});

afterAll(() => stack?.stop());

const one = async () => {
  const { targets } = (await (await fetch(`${stack.app('aggregator').url}/status`)).json()) as {
    targets: Record<string, unknown>[];
  };
  return targets[0];
};

test('a refusal of a moment is over soon after that moment, without anybody doing anything', async () => {
  await admin.kill(provider, { status: 404 });
  await vi.waitFor(
    async () => expect(await one()).toMatchObject({ breaker: 'open', breaker_reason: 'model_gone' }),
    20_000,
  );
  await admin.revive(provider);
  await vi.waitFor(async () => expect(await one()).toMatchObject({ breaker: 'closed' }), 40_000);
});

test('a key that is refused is asked more and more seldom, and by the prober that starts next', async () => {
  await vi.waitFor(async () => expect(await one()).toMatchObject({ breaker: 'closed' }), 20_000);
  await admin.addFault({ provider, fault: { kind: 'status', status: 401, code: 'invalid_api_key' } });
  await vi.waitFor(
    async () =>
      expect(await one()).toMatchObject({ breaker: 'open', breaker_reason: 'auth', probe_interval_ms: 12_000 }),
    40_000,
  );
  await stack.app('prober').stop(8_000);
  await admin.revive(provider);
  await stack.add('prober');
  await vi.waitFor(async () => expect(await one()).toMatchObject({ breaker: 'closed' }), 40_000);
});
