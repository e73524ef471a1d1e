import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { slotAt } from '../../apps/prober/src/probe-slot.js';

// Three probers, one aggregator: what a provider says of its models reaches people, and nobody else.

const DAY_MS = 86_400_000;
const provider = `models-${process.pid}`;
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const intervalMs = 5_000;
const shutdownDate = new Date(Date.now() + 20 * DAY_MS).toISOString().slice(0, 10);
let stack: Stack;

beforeAll(async () => {
  const models = { well: {}, ending: { shutdownDate }, hidden: { listed: false } };
  await admin.createProvider(provider, { models, latency: { kind: 'fixed', ms: 5 } });
  stack = await startStack({
    apps: { prober: 3, aggregator: 1 },
    config: `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [${Object.keys(models)
      .map((model) => `{ id: ${model}, provider: ${provider}, model: ${model} }`)
      .join(', ')}]
probes: { intervalMs: 500, modelsIntervalMs: ${intervalMs} }
`,
  });
});
afterAll(() => stack?.stop());

interface Target {
  target: string;
  state: string;
  requests: number;
  listed: boolean | null;
  shutdown_at: number | null;
}
const targetsOf = async () =>
  ((await (await fetch(`${stack.app('aggregator').url}/status`)).json()) as { targets: Target[] }).targets;
const linesWith = (app: 'prober' | 'aggregator', event: string) =>
  stack.processes
    .filter(({ name }) => name.startsWith(app))
    .flatMap((process) => process.logs())
    .filter((line) => line['event'] === event);

describe('models that a provider ends or does not list', () => {
  test(
    'are told in /status, in one line each and in one alert, while all of them stay healthy',
    { timeout: 60_000 },
    async () => {
      const known = { ending: [true, Date.parse(shutdownDate)], hidden: [false, null], well: [true, null] };
      await vi.waitFor(
        async () => {
          const targets = await targetsOf();
          const said = targets.map(({ target, listed, shutdown_at }) => [target, [listed, shutdown_at]]);
          expect(Object.fromEntries(said)).toEqual(known);
          for (const { state, requests } of targets) expect([state, requests > 2]).toEqual(['healthy', true]);
        },
        { timeout: 40_000, interval: 100 },
      );
      await vi.waitFor(() => expect(linesWith('aggregator', 'llm.alert')).toHaveLength(1));
      expect(linesWith('aggregator', 'llm.alert')).toMatchObject([
        { key: 'model_shutdown/ending', severity: 'warning' },
      ]);
      expect(linesWith('prober', 'llm.model.change')).toHaveLength(2);
    },
  );

  test('are asked for once per interval by all probers together', async () => {
    const from = slotAt(provider, Date.now(), intervalMs) + 1;
    const slotsAsked = async () => {
      const { calls } = await admin.calls({ provider, operation: 'models' });
      // They come at the beginning of their slot; one that is a millisecond early is in its own all the same.
      return calls.map(({ at }) => slotAt(provider, at + intervalMs / 4, intervalMs)).toSorted((a, b) => a - b);
    };
    await vi.waitFor(async () => expect(Math.max(...(await slotsAsked()))).toBeGreaterThan(from + 2), {
      timeout: 40_000,
      interval: 200,
    });
    const inSlots = (await slotsAsked()).filter((slot) => slot >= from && slot <= from + 2);
    expect(inSlots).toEqual([from, from + 1, from + 2]);
    expect(linesWith('prober', 'llm.model.change')).toHaveLength(2);
    expect(linesWith('aggregator', 'llm.alert')).toHaveLength(1);
  });
});
