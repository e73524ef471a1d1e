import { describe, expect, it, vi } from 'vitest';
import { ClockOnDemand } from './clock-on-demand.js';
import { FleetClock } from './fleet-clock.js';

function startClock(readTimeMs: () => Promise<number>) {
  const local = { ms: 0 };
  const fleet = new FleetClock(readTimeMs, () => local.ms);
  return { local, clock: new ClockOnDemand(fleet, () => local.ms) };
}

describe('ClockOnDemand', () => {
  it('asks Redis once, however many ask for the time at once, and not again soon', async () => {
    const read = vi.fn(async () => 1_000);
    const { clock, local } = startClock(read);
    expect(await Promise.all([clock.now(), clock.now(), clock.now()])).toEqual([1_000, 1_000, 1_000]);
    local.ms = 4_000;
    expect(await clock.now()).toBe(5_000);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('is set anew behind a later question, which does not wait for it', async () => {
    let answer = async () => 1_000;
    const { clock, local } = startClock(() => answer());
    await clock.now();
    local.ms = 6_000;
    answer = async () => 90_000;
    expect(await clock.now()).toBe(7_000);
    await vi.waitFor(async () => expect(await clock.now()).toBe(90_000));
  });

  it('goes on while Redis is away, and says so only when it has never been there', async () => {
    let answer = () => Promise.reject<number>(new Error('away'));
    const { clock, local } = startClock(() => answer());
    await expect(clock.now()).rejects.toThrow('away');
    answer = async () => 1_000;
    expect(await clock.now()).toBe(1_000);
    answer = () => Promise.reject(new Error('away'));
    local.ms = 9_000;
    expect(await clock.now()).toBe(10_000);
  });
});
