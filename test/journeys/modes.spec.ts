import { CompletionClient } from '#libs/client';
import { ModeStore } from '#libs/store';
import { simulatorAdmin, type Stack, startStack } from '#libs/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

// The relay fails as a whole, in compressed time: who answers meanwhile, the switch, its alert, a new aggregator, the return.

const run = `modes-${process.pid}`;
const [RELAY, DIRECT] = [`${run}-relay`, `${run}-direct`];
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const pages: { event_action: string; dedup_key: string }[] = [];
let pager: Server;
let stack: Stack;
let client: CompletionClient;

beforeAll(async () => {
  for (const provider of [RELAY, DIRECT])
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 5 } });
  pager = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      pages.push(JSON.parse(text) as (typeof pages)[number]);
      response.writeHead(202).end('{}');
    });
  });
  await new Promise<void>((resolve) => pager.listen(0, '127.0.0.1', resolve));
  stack = await startStack({
    apps: { aggregator: 1, prober: 1, router: 1 },
    config: `
providers:
  ${RELAY}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${RELAY}/v1' }
  ${DIRECT}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${DIRECT}/v1' }
targets:
  - { id: relay, provider: ${RELAY}, model: m, mode: relay }
  - { id: direct, provider: ${DIRECT}, model: m, mode: direct }
modes: { switchAfterMs: 4000, returnAfterMs: 4000 }
alerts: [{ kind: pagerduty, routingKey: R1, url: 'http://127.0.0.1:${(pager.address() as AddressInfo).port}' }]
probes: { intervalMs: 500 }
health: { policy: { openBaseMs: 500, openMaxMs: 1000, idleHalfOpenMs: 500, rampMs: 500, probeOpenMs: 500, probeOpenMaxMs: 500, probeConfirmMs: 300 } }
`,
  });
  client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
});

afterAll(async () => {
  await client?.close();
  await stack?.stop();
  pager.closeAllConnections();
  pager.close();
});

async function ask(routing?: { mode?: string; pin?: string }) {
  const request = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };
  const { understudy } = await client.complete(request, { timeoutMs: 15_000, ...(routing && { routing }) });
  return { target: understudy.target, mode: understudy.mode, totalMs: understudy.totalMs };
}

/** The newest aggregator. */
const aggregator = () => stack.processes.findLast(({ name }) => name.startsWith('aggregator'))!;
const modeOf = async () =>
  ((await (await fetch(`${aggregator().url}/status`)).json()) as { mode: { current: string } }).mode.current;
const modeIs = (current: string) =>
  vi.waitFor(async () => expect(await modeOf()).toBe(current), { timeout: 20_000, interval: 100 });
const told = () => pages.map(({ event_action }) => event_action);

describe('a fleet with a relay and direct providers', () => {
  test('the relay answers while it is well, and a job may choose otherwise for itself', async () => {
    await modeIs('relay');
    expect(await ask()).toMatchObject({ target: 'relay', mode: 'relay' });
    expect(await ask({ mode: 'direct' })).toMatchObject({ target: 'direct', mode: 'direct' });
    await expect(ask({ mode: 'sideways' })).rejects.toMatchObject({ code: 'invalid_request', field: 'routing.mode' });
  });

  test('when the relay fails no job waits for the switch, which comes with one page', async () => {
    await admin.kill(RELAY);
    const first = await ask();
    expect(first).toMatchObject({ target: 'direct', mode: 'direct' });
    expect(first.totalMs).toBeLessThan(3_500);
    expect(await modeOf()).toBe('relay');
    await modeIs('direct');
    await expect.poll(told).toEqual(['trigger']);
    expect(pages[0]?.dedup_key).toContain('/mode_switched/direct');
  });

  test('a new aggregator goes on where the last one was killed, and pages nobody again', async () => {
    stack.app('aggregator').kill('SIGKILL');
    await stack.add('aggregator');
    await vi.waitFor(
      async () => expect(await (await fetch(`${aggregator().url}/status`)).json()).toMatchObject({ role: 'leader' }),
      { timeout: 15_000 },
    );
    expect(await modeOf()).toBe('direct');
    expect(told()).toEqual(['trigger']);
  });

  test('the way back is the relay well for long enough: direct answers until then, and the page is resolved', async () => {
    await admin.revive(RELAY);
    const pinned = await ask({ pin: 'relay' });
    expect(pinned).toMatchObject({ target: 'relay', mode: 'relay' });
    expect(await ask()).toMatchObject({ target: 'direct' });
    await modeIs('relay');
    await expect.poll(told).toEqual(['trigger', 'resolve']);
    await vi.waitFor(async () => expect(await ask()).toMatchObject({ target: 'relay', mode: 'relay' }));
  });

  test("an operator's word holds through a restart of the aggregator", async () => {
    const store = new ModeStore({ redisUrl: stack.redisUrl, prefix: stack.prefix });
    await vi.waitFor(() => store.set({ mode: 'direct', reason: 'drill', at: Date.now() }));
    await modeIs('direct');
    await aggregator().stop();
    await stack.add('aggregator');
    await vi.waitFor(
      async () => expect(await (await fetch(`${aggregator().url}/status`)).json()).toMatchObject({ role: 'leader' }),
      { timeout: 15_000 },
    );
    expect(await modeOf()).toBe('direct');
    await vi.waitFor(async () => expect(await ask()).toMatchObject({ target: 'direct' }));
    await store.close();
  });
});
