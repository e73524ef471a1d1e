import { setTimeout as pause } from 'node:timers/promises';
import { CompletionClient } from '#libs/client';
import { simulatorAdmin, type Stack, startStack } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

/**
 * One target per group and a group to fall back to, a prober, an aggregator and a router, all of them processes. Times of the policy
 * are a tenth of the defaults, so that a minute's outage takes six seconds.
 */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const run = `probes-${process.pid}`;
const [sick, well] = [`${run}-sick`, `${run}-well`];
let stack: Stack;
let client: CompletionClient;

beforeAll(async () => {
  for (const provider of [sick, well])
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 5 } });
  stack = await startStack({
    apps: { prober: 1, aggregator: 1, router: 1 },
    config: `
providers:
  ${sick}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${sick}/v1' }
  ${well}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${well}/v1' }
targets:
  - { id: sick, provider: ${sick}, model: m, serves: [sick] }
  - { id: well, provider: ${well}, model: m, serves: [well] }
routes: { job: { targets: [sick], fallbacks: [well], standIns: fallbacks } }
probes: { intervalMs: 1000, spareWithTraffic: false }
health:
  policy: { openBaseMs: 500, openMaxMs: 12000, rampMs: 1500, trialGapMs: 200, idleHalfOpenMs: 1000, overlaySkipMs: 200,
    probeConfirmMs: 100, probeDoubtMs: 100, probeOpenMs: 300, probeOpenMaxMs: 1000, forgiveMs: 6000 }
`,
  });
  client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
});

afterAll(async () => {
  await client?.close();
  await stack?.stop();
});

/** One job for the group; returns the targets that were asked. */
async function ask(): Promise<string[]> {
  const request = { model: 'job', messages: [{ role: 'user' as const, content: 'a job, longer than any ping' }] };
  const { understudy } = await client.complete(request, { timeoutMs: 15_000 });
  return understudy.attempts.map(({ target }) => target);
}

const breaker = async (): Promise<string | undefined> => {
  const { targets } = (await (await fetch(`${stack.app('router').url}/status`)).json()) as {
    targets: { target: string; breaker: string }[];
  };
  return targets.find(({ target }) => target === 'sick')?.breaker;
};
const untilBreakerIs = (state: string) =>
  vi.waitFor(async () => expect(await breaker()).toBe(state), { timeout: 20_000, interval: 20 });

describe('an outage without any traffic', () => {
  test('P4 G42 is found by pings alone: the next job begins at the other target', async () => {
    await untilBreakerIs('closed');
    await admin.kill(sick);
    await untilBreakerIs('open');
    for (let i = 0; i < 5; i++) expect(await ask()).toEqual(['well']);
  });

  test('P4 G42 ends by pings alone: jobs begin at the target again', async () => {
    await admin.revive(sick);
    await untilBreakerIs('closed');
    await vi.waitFor(async () => expect(await ask()).toEqual(['sick']), { timeout: 20_000, interval: 20 });
  });
});

test('P4 G37 an outage in thin traffic costs few jobs an attempt: at most four of fifteen begin at the dead target', async () => {
  await untilBreakerIs('closed');
  await admin.kill(sick);
  const begun: string[][] = [];
  // One job each 400 ms, a tenth of four seconds, and none to catch up when this process was held up.
  for (let i = 0; i < 15; i++) {
    const [targets] = await Promise.all([ask(), pause(400)]);
    begun.push(targets);
  }
  expect(begun.filter((targets) => targets.includes('sick')).length).toBeLessThanOrEqual(4);
  expect(begun.every((targets) => targets.at(-1) === 'well')).toBe(true);
}, 60_000);
