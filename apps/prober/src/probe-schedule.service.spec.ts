import { parseConfig } from '#libs/config';
import type { ProbeJob } from '#libs/contracts';
import { createLogger } from '#libs/telemetry';
import { trace } from '@opentelemetry/api';
import { node, tracing } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FleetClock } from '#libs/redis';
import type { ProbePace } from './probe-pace.js';
import { ProbeScheduleService, type ProbeSink } from './probe-schedule.service.js';
import { probeDueAt, slotAt, slotStart } from './probe-slot.js';

const exporter = new tracing.InMemorySpanExporter();
const provider = new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
provider.register();
afterAll(() => provider.shutdown());

const intervalMs = 10_000;
const start = 1_700_000_000_000;
const rhythm = { intervalMs, jitter: 0.2 };
const config = parseConfig(
  `
providers: { a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' } }
targets: [{ provider: a, model: x }, { provider: a, model: y }]
probes: { intervalMs: ${intervalMs}, jitter: ${rhythm.jitter} }
`,
  {},
);

/** Keeps what is added, with the time; can be away. */
class RecordingQueue implements ProbeSink {
  readonly added: (ProbeJob & { at: number })[] = [];
  away = false;

  async add(probe: ProbeJob): Promise<void> {
    if (this.away) throw new Error('away');
    this.added.push({ ...probe, at: Date.now() });
  }

  of(target: string) {
    return this.added.filter((probe) => probe.target === target);
  }
}

const lines: string[] = [];
const logger = createLogger({ name: 'prober', destination: { write: (line: string) => void lines.push(line) } });

/** Intervals that a test sets; both probers of a test go by the same. */
class AdjustablePace implements ProbePace {
  readonly #intervals = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];

  intervalMs(target: string): number {
    return this.#intervals.get(target) ?? intervalMs;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  set(target: string, wishMs: number): void {
    this.#intervals.set(target, wishMs);
    for (const listener of this.#listeners) listener();
  }
}

/** A prober whose machine's clock is off by `skewMs`; Redis' time is the faked one. */
async function prober(
  queue: ProbeSink,
  skewMs = 0,
  pace: ProbePace = new AdjustablePace(),
): Promise<ProbeScheduleService> {
  const clock = new FleetClock(
    async () => Date.now(),
    () => Date.now() + skewMs,
  );
  await clock.sync();
  const schedule = new ProbeScheduleService(config, clock, queue, logger, pace);
  schedules.push(schedule);
  schedule.start();
  return schedule;
}

const schedules: ProbeScheduleService[] = [];

describe('the probe schedule', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: start });
    lines.length = 0;
  });
  afterEach(() => {
    for (const schedule of schedules.splice(0)) schedule.stop();
    vi.useRealTimers();
  });

  it('adds one ping per target and slot, when it is due', async () => {
    const queue = new RecordingQueue();
    await prober(queue);
    await vi.advanceTimersByTimeAsync(10 * intervalMs);
    for (const target of ['a/x', 'a/y']) {
      const pings = queue.of(target);
      const slots = pings.map(({ slot }) => slot);
      expect(slots).toEqual(Array.from(slots, (_, i) => slots[0]! + i));
      expect(slots.length).toBeGreaterThanOrEqual(10);
      // The first may be late: its slot had begun before the prober did.
      for (const { slot, at } of pings.slice(1)) expect(at - probeDueAt(target, slot, rhythm)).toBeLessThanOrEqual(1);
    }
  });

  it('asks for the same pings at the same moments on machines whose clocks differ by hours', async () => {
    const [queue, other] = [new RecordingQueue(), new RecordingQueue()];
    await Promise.all([prober(queue), prober(other, 5 * 3_600_000)]);
    await vi.advanceTimersByTimeAsync(5 * intervalMs);
    expect(other.added).toEqual(queue.added);
  });

  it('adds the ping of the current slot at once when it starts after it was due', async () => {
    const slot = slotAt('a/x', start, intervalMs) + 1;
    vi.setSystemTime(slotStart('a/x', slot, intervalMs) + 0.8 * intervalMs);
    const queue = new RecordingQueue();
    await prober(queue);
    await vi.advanceTimersByTimeAsync(1);
    expect(queue.of('a/x').map((ping) => ping.slot)).toEqual([slot]);
  });

  it('leaves out slots that it slept through: a ping is of now or of no use', async () => {
    const queue = new RecordingQueue();
    await prober(queue);
    await vi.advanceTimersByTimeAsync(2 * intervalMs);
    const before = queue.of('a/x').length;
    vi.setSystemTime(Date.now() + 50 * intervalMs);
    await vi.advanceTimersByTimeAsync(2 * intervalMs);
    expect(queue.of('a/x').length - before).toBeLessThanOrEqual(3);
    const slots = queue.of('a/x').map(({ slot }) => slot);
    expect(new Set(slots).size).toBe(slots.length);
  });

  it('adds the ping of a slot as soon as the queue is back, and tells the outage in one line', async () => {
    const queue = new RecordingQueue();
    await prober(queue);
    await vi.advanceTimersByTimeAsync(intervalMs);
    queue.away = true;
    await vi.advanceTimersByTimeAsync(2.5 * intervalMs);
    queue.away = false;
    const back = Date.now();
    await vi.advanceTimersByTimeAsync(1_000);
    const resumed = queue.of('a/x').at(-1)!;
    expect(resumed.slot).toBe(slotAt('a/x', back, intervalMs));
    expect(lines.filter((line) => line.includes('probe.schedule_stalled'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('probe.schedule_resumed'))).toHaveLength(1);
  });

  it('begins a trace of its own for each ping, whatever ran when the schedule was started', async () => {
    exporter.reset();
    const queue = new RecordingQueue();
    await trace.getTracer('test').startActiveSpan('start of the process', async (outer) => {
      await prober(queue);
      await vi.advanceTimersByTimeAsync(3 * intervalMs);
      outer.end();
    });
    const pings = exporter.getFinishedSpans().filter((span) => span.name === 'schedule probe');
    expect(pings).toHaveLength(queue.added.length);
    expect(pings.filter((span) => span.parentSpanContext)).toEqual([]);
    expect(new Set(pings.map((span) => span.spanContext().traceId)).size).toBe(pings.length);
  });

  it('pings a target at once when it is to be pinged faster, then in the shorter slots, and leaves the others alone', async () => {
    const [queue, pace] = [new RecordingQueue(), new AdjustablePace()];
    await prober(queue, 0, pace);
    await vi.advanceTimersByTimeAsync(2.5 * intervalMs);
    const [before, others] = [queue.of('a/x').length, queue.of('a/y').length];
    const from = Date.now();
    pace.set('a/x', 500);
    await vi.advanceTimersByTimeAsync(5_000);
    const pings = queue.of('a/x').slice(before);
    // At once, unless the ping of this short slot is only due in a moment.
    expect(pings[0]!.at - from).toBeLessThanOrEqual(0.2 * 500);
    expect(pings.map(({ slot }) => slot)).toEqual(Array.from(pings, (_, i) => pings[0]!.slot + i));
    expect(pings.length).toBeGreaterThanOrEqual(10);
    expect(queue.of('a/y').length - others).toBeLessThanOrEqual(1);
  });

  it('goes back to the longer slots without an extra ping', async () => {
    const [queue, pace] = [new RecordingQueue(), new AdjustablePace()];
    await prober(queue, 0, pace);
    pace.set('a/x', 500);
    await vi.advanceTimersByTimeAsync(5_000);
    const before = queue.of('a/x').length;
    pace.set('a/x', intervalMs);
    const slot = slotAt('a/x', Date.now(), intervalMs);
    await vi.advanceTimersByTimeAsync(3 * intervalMs);
    expect(queue.of('a/x').slice(before)[0]).toMatchObject({ slot: slot + 1, intervalMs });
  });

  it('asks for the same faster pings on every prober, each slot once in the queue', async () => {
    const [queue, other, pace] = [new RecordingQueue(), new RecordingQueue(), new AdjustablePace()];
    await Promise.all([prober(queue, 0, pace), prober(other, 3_600_000, pace)]);
    await vi.advanceTimersByTimeAsync(1.5 * intervalMs);
    pace.set('a/y', 1_000);
    await vi.advanceTimersByTimeAsync(intervalMs);
    pace.set('a/y', 3_000);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect(other.added).toEqual(queue.added);
    const ids = queue.added.map(({ target, slot }) => `${target}@${slot}`);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('after a start pings a disabled target as configured until a slot has passed that began since, then as seldom as is wished', async () => {
    const pace = new AdjustablePace();
    pace.set('a/x', 100 * intervalMs);
    const queue = new RecordingQueue();
    await prober(queue, 0, pace);
    // The snapshot arrives once more before the first ping has left.
    pace.set('a/x', 100 * intervalMs);
    await vi.advanceTimersByTimeAsync(3 * intervalMs);
    const first = queue.of('a/x');
    expect(first.map((ping) => ping.intervalMs)).toEqual([intervalMs, intervalMs]);
    expect(first.map(({ slot }) => slotStart('a/x', slot, intervalMs) >= start)).toEqual([false, true]);
    await vi.advanceTimersByTimeAsync(220 * intervalMs);
    const later = queue.of('a/x').slice(2);
    expect(later.length).toBeGreaterThanOrEqual(2);
    expect(new Set(later.map((ping) => ping.intervalMs))).toEqual(new Set([100 * intervalMs]));
  });

  it('adds nothing once it is stopped', async () => {
    const queue = new RecordingQueue();
    const schedule = await prober(queue);
    await vi.advanceTimersByTimeAsync(intervalMs);
    schedule.stop();
    const before = queue.added.length;
    await vi.advanceTimersByTimeAsync(5 * intervalMs);
    expect(queue.added).toHaveLength(before);
  });
});
