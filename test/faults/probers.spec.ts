import { randomBytes } from 'node:crypto';
import { ProbeQueue } from '#libs/queue';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { probeDueAt, slotAt, slotStart, type ProbeRhythm } from '../../apps/prober/src/probe-slot.js';

// Several probers, no leader: whichever of them is killed, each target is pinged exactly once per slot.

const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
let stack: Stack | undefined;
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
});

const configOf = (provider: string, models: string[], probes: string) => `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [${models.map((model) => `{ provider: ${provider}, model: ${model}, timeoutMs: 40000 }`).join(', ')}]
probes: ${probes}
`;

/**
 * How many calls each target got in each of the slots that lie wholly between two moments. Pings come in the first fifth of their
 * slot; counting from a little before it keeps one that is a millisecond early in its own slot.
 */
async function callsPerSlot(
  provider: string,
  models: string[],
  intervalMs: number,
  from: number,
  to: number,
): Promise<number[]> {
  const { calls } = await simulator.calls({ provider, limit: 10_000 });
  return models.flatMap((model) => {
    const target = `${provider}/${model}`;
    const [first, last] = [slotAt(target, from, intervalMs) + 1, slotAt(target, to, intervalMs) - 1];
    const slots = calls
      .filter((call) => call.model === model)
      .map((call) => slotAt(target, call.at + intervalMs / 4, intervalMs));
    return Array.from({ length: last - first + 1 }, (_, i) => slots.filter((slot) => slot === first + i).length);
  });
}

/** When the last ping of a target was due before a moment, and when the next one is, epoch milliseconds. */
function duesAround(target: string, now: number, rhythm: ProbeRhythm): [last: number, next: number] {
  const slot = slotAt(target, now, rhythm.intervalMs);
  const dues = [slot - 1, slot, slot + 1].map((s) => probeDueAt(target, s, rhythm));
  return [dues.findLast((due) => due <= now)!, dues.find((due) => due > now)!];
}

describe('three probers', () => {
  it('ping each target exactly once per slot, also while one of them is killed', { timeout: 90_000 }, async () => {
    const provider = `probed-${randomBytes(4).toString('hex')}`;
    const models = ['x', 'y'];
    const [intervalMs, jitter] = [3_000, 0.2];
    await simulator.createProvider(provider, { models: { x: {}, y: {} }, latency: { kind: 'fixed', ms: 20 } });
    const config = configOf(provider, models, `{ intervalMs: ${intervalMs}, jitter: ${jitter} }`);
    stack = await startStack({ apps: { prober: 3 }, config });
    const from = Date.now();

    const slotsSeen = async () => (await callsPerSlot(provider, models, intervalMs, from, Date.now())).length;
    await vi.waitFor(async () => expect(await slotsSeen()).toBeGreaterThanOrEqual(6), {
      timeout: 30_000,
      interval: 100,
    });
    // Not in the middle of a ping, which may come late: what becomes of that one is told below.
    await vi.waitFor(
      async () => {
        const { calls } = await simulator.calls({ provider, limit: 10_000 });
        const now = Date.now();
        for (const model of models) {
          const [last, next] = duesAround(`${provider}/${model}`, now, { intervalMs, jitter });
          expect(next - now).toBeGreaterThan(300);
          expect(now - last).toBeGreaterThan(300);
          expect(calls.findLast((call) => call.model === model)?.at).toBeGreaterThan(last - 100);
        }
      },
      { interval: 20 },
    );
    stack.app('prober', 0).kill('SIGKILL');
    await stack.app('prober', 0).exited;
    const soFar = await slotsSeen();
    await vi.waitFor(async () => expect(await slotsSeen()).toBeGreaterThanOrEqual(soFar + 8), {
      timeout: 30_000,
      interval: 100,
    });

    const counts = await callsPerSlot(provider, models, intervalMs, from, Date.now());
    expect(counts).toEqual(counts.map(() => 1));
  });
});

describe('a prober killed in the middle of a ping', () => {
  it(
    'leaves a job that is ended by another one, without a second call in the same slot',
    { timeout: 90_000 },
    async () => {
      const intervalMs = 120_000;
      const provider = nameWhosePingIsDue(intervalMs);
      await simulator.createProvider(provider, { models: { x: {} } });
      await simulator.kill(provider, { mode: 'hang' });
      stack = await startStack({
        apps: { prober: 1 },
        config: configOf(provider, ['x'], `{ intervalMs: ${intervalMs}, jitter: 0 }`),
      });
      const callCount = async () => (await simulator.calls({ provider, operation: 'chat' })).total;
      await vi.waitFor(async () => expect(await callCount()).toBe(1));

      stack.app('prober').kill('SIGKILL');
      await stack.app('prober').exited;
      const heir = await stack.add('prober');
      const queue = new ProbeQueue({ redisUrl: stack.redisUrl, prefix: stack.prefix });
      try {
        const counts = () => queue.counts();
        await vi.waitFor(async () => expect(await counts()).toMatchObject({ active: 0, waiting: 0, completed: 1 }), {
          timeout: 30_000,
        });
      } finally {
        await queue.close();
      }
      expect(heir.running).toBe(true);
      expect(await callCount()).toBe(1);
    },
  );
});

/** A provider whose target `x` is due for a ping at once, in a slot that has most of its time ahead. */
function nameWhosePingIsDue(intervalMs: number): string {
  for (;;) {
    const name = `hanging-${randomBytes(4).toString('hex')}`;
    const target = `${name}/x`;
    const now = Date.now();
    const slot = slotAt(target, now, intervalMs);
    const due = probeDueAt(target, slot, { intervalMs, jitter: 0 });
    if (due < now && slotStart(target, slot + 1, intervalMs) - now > 0.8 * intervalMs) return name;
  }
}
