import { describe, expect, it } from 'vitest';
import { FleetClock } from './fleet-clock.js';

describe('FleetClock', () => {
  it('shows the time of Redis, corrected by half the round trip', async () => {
    let local = 5_000;
    const clock = new FleetClock(
      async () => {
        local += 20;
        const time = 1_000_000 + local;
        local += 20;
        return time;
      },
      () => local,
    );
    await clock.sync();
    expect(clock.now()).toBe(1_000_000 + local);
    local += 100;
    expect(clock.now()).toBe(1_000_000 + local);
  });

  it('goes by the quickest of several readings: the first one may have waited for a connection', async () => {
    let local = 0;
    const roundTrips = [600, 80, 4];
    const clock = new FleetClock(
      async () => {
        const wait = roundTrips.shift()!;
        local += wait;
        // All of the wait lies before Redis looked at its clock: the worst case for the correction.
        return 1_000_000 + local;
      },
      () => local,
    );
    await clock.sync();
    expect(Math.abs(clock.now() - (1_000_000 + local))).toBeLessThanOrEqual(2);
    expect(roundTrips).toEqual([]);
  });

  it('keeps its last reading when Redis takes too long or cannot be asked', async () => {
    let local = 0;
    let answer = async () => 500;
    const clock = new FleetClock(
      () => answer(),
      () => local,
    );
    await clock.sync();
    answer = async () => ((local += 5_000), 999_999);
    await clock.sync();
    answer = () => Promise.reject(new Error('away'));
    await expect(clock.sync()).rejects.toThrow('away');
    expect(clock.now()).toBe(500 + local);
  });

  it('takes a slow first reading: a rough time is better than none', async () => {
    let local = 0;
    const clock = new FleetClock(
      async () => 10_000 + (local += 4_000),
      () => local,
    );
    expect(clock.isSet).toBe(false);
    await clock.sync();
    expect(clock.now()).toBe(10_000 + local + 2_000);
  });

  it('says that it was asked too early', () => {
    expect(() => new FleetClock(async () => 0).now()).toThrow('before the first sync()');
  });
});
