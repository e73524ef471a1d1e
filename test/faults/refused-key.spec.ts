import { simulatorAdmin, type Stack, startStack } from '#libs/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// A key that is refused is left alone for a quarter of an hour, unless a prober starts: three processes, and the default policy.

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

test('a key that is mended is found out by the prober that starts next, and not a quarter of an hour later', async () => {
  await vi.waitFor(async () => expect(await one()).toMatchObject({ breaker: 'closed' }), 20_000);
  await admin.addFault({ provider, fault: { kind: 'status', status: 401, code: 'invalid_api_key' } });
  await vi.waitFor(
    async () =>
      expect(await one()).toMatchObject({ breaker: 'open', breaker_reason: 'auth', probe_interval_ms: 900_000 }),
    20_000,
  );
  await stack.app('prober').stop(8_000);
  await admin.revive(provider);
  await stack.add('prober');
  await vi.waitFor(async () => expect(await one()).toMatchObject({ breaker: 'closed' }), 40_000);
});
