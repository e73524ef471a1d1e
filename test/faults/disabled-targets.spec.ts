import { CompletionClient } from '#libs/client';
import { simulatorAdmin, type SimulatedFault, type Stack, startStack } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

// Keys that are refused, accounts that are empty, models that are gone: a prober, an aggregator and a router, all of them processes.

const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const run = `disabled-${process.pid}`;
const WELL = `${run}-well`;

interface Case {
  id: string;
  reason: string;
  fault: SimulatedFault;
}
const CASES: Case[] = [
  { id: 'G13 401', reason: 'auth', fault: { kind: 'status', status: 401, code: 'invalid_api_key' } },
  { id: 'G13 403', reason: 'auth', fault: { kind: 'status', status: 403 } },
  { id: 'G14', reason: 'model_gone', fault: { kind: 'status', status: 404, code: 'model_not_found' } },
  { id: 'G18', reason: 'quota', fault: { kind: 'status', status: 429, code: 'insufficient_quota' } },
];
const providerOf = (index: number) => `${run}-${index}`;
let stack: Stack;
let client: CompletionClient;

beforeAll(async () => {
  const providers = [WELL, ...CASES.map((_, i) => providerOf(i))];
  for (const provider of providers)
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 5 } });
  stack = await startStack({
    apps: { prober: 1, aggregator: 1, router: 1 },
    config: `
providers:
${providers.map((name) => `  ${name}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${name}/v1' }`).join('\n')}
targets:
  - { id: well, provider: ${WELL}, model: m, serves: [well] }
${CASES.map((_, i) => `  - { id: t${i}, provider: ${providerOf(i)}, model: m, serves: [m${i}] }`).join('\n')}
routes:
${CASES.map((_, i) => `  route${i}: { targets: [t${i}], fallbacks: [well], standIns: fallbacks }`).join('\n')}
probes: { intervalMs: 1000 }
health: { policy: { openBaseMs: 500, idleHalfOpenMs: 500, probeConfirmMs: 200, probeOpenMs: 300, probeOpenMaxMs: 500, probeDisabledMs: 500, probeFreshMs: 5000 } }
`,
  });
  client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
});

afterAll(async () => {
  await client?.close();
  await stack?.stop();
});

async function ask(model: string) {
  const request = { model, messages: [{ role: 'user' as const, content: 'hi' }] };
  const { understudy } = await client.complete(request, { timeoutMs: 15_000 });
  return understudy.attempts.map(({ target }) => target);
}

const targetOf = async (id: string) => {
  const { targets } = (await (await fetch(`${stack.app('router').url}/status`)).json()) as {
    targets: { target: string; breaker: string; reason: string | null }[];
  };
  return targets.find(({ target }) => target === id);
};
const alertsOf = (id: string) =>
  stack
    .app('aggregator')
    .logs()
    .filter(({ event, key }) => event === 'llm.alert' && String(key).includes(`/${id}/`))
    .map(({ key, status, severity }) => [key, status, severity]);

describe.each(CASES.map((entry, index) => ({ ...entry, index, target: `t${index}` })))(
  '$id',
  ({ index, target, reason, fault }) => {
    test('the sibling answers, the target is opened for its reason, and one alert is raised', async () => {
      await vi.waitFor(async () => expect(await targetOf(target)).toMatchObject({ breaker: 'closed' }), 15_000);
      await admin.addFault({ provider: providerOf(index), fault });
      expect((await ask(`route${index}`)).at(-1)).toBe('well');
      await vi.waitFor(async () => expect(await targetOf(target)).toMatchObject({ breaker: 'open', reason }), 15_000);
      expect(await ask(`route${index}`)).toEqual(['well']);
      await vi.waitFor(
        () => expect(alertsOf(target)).toEqual([[`target_disabled/${target}/${reason}`, 'firing', 'critical']]),
        15_000,
      );
    });

    test('once it is mended the target serves again, and the alert is over', async () => {
      await admin.revive(providerOf(index));
      await vi.waitFor(async () => expect(await ask(`route${index}`)).toEqual([target]), {
        timeout: 20_000,
        interval: 200,
      });
      await vi.waitFor(
        () =>
          expect(alertsOf(target).map(([key, status]) => [key, status])).toEqual([
            [`target_disabled/${target}/${reason}`, 'firing'],
            [`target_disabled/${target}/${reason}`, 'resolved'],
          ]),
        15_000,
      );
    });
  },
);
