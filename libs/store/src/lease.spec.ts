import { uniquePrefix } from '#libs/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Lease } from './lease.js';

const leases: Lease[] = [];

function lease(prefix: string, owner: string, options: { ttlMs?: number; renewEveryMs?: number } = {}): Lease {
  const made = new Lease({
    redisUrl: process.env.REDIS_URL!,
    prefix,
    owner,
    ttlMs: 1_500,
    renewEveryMs: 50,
    ...options,
  });
  leases.push(made);
  made.start();
  return made;
}

afterEach(async () => {
  await Promise.all(leases.splice(0).map((made) => made.close()));
});

const untilHeld = (made: Lease) => vi.waitFor(() => expect(made.epoch).not.toBeNull(), { interval: 10 });

describe('lease', () => {
  test('exactly one of many holds it, and all know who', async () => {
    const prefix = uniquePrefix();
    const many = ['a', 'b', 'c', 'd', 'e'].map((owner) => lease(prefix, owner));
    await vi.waitFor(() => expect(many.every(({ owner }) => owner !== null)).toBe(true));
    expect(many.filter(({ epoch }) => epoch !== null)).toHaveLength(1);
    expect(new Set(many.map(({ owner }) => owner)).size).toBe(1);
  });

  test('renewing keeps the epoch for longer than the lease', async () => {
    const held = lease(uniquePrefix(), 'a');
    await untilHeld(held);
    const epochs: (number | null)[] = [];
    held.on('turn', () => epochs.push(held.epoch));
    await vi.waitFor(() => expect(epochs.length).toBeGreaterThan(40));
    expect(new Set(epochs)).toEqual(new Set([1]));
  });

  test('a holder that dies is followed by another when the lease has run out, under a higher epoch', async () => {
    const prefix = uniquePrefix();
    const first = lease(prefix, 'a');
    await untilHeld(first);
    const second = lease(prefix, 'b');
    await vi.waitFor(() => expect(second.owner).toBe('a'));
    await first.close({ release: false });
    expect(second.epoch).toBeNull();
    await untilHeld(second);
    expect(second.epoch).toBe(2);
  });

  test('a holder that leaves on purpose hands it on long before it runs out', async () => {
    const prefix = uniquePrefix();
    const first = lease(prefix, 'a', { ttlMs: 60_000 });
    await untilHeld(first);
    const second = lease(prefix, 'b', { ttlMs: 60_000 });
    await first.close();
    await untilHeld(second);
  });

  test('a holder that could not renew in time knows by itself that it holds nothing', async () => {
    const held = lease(uniquePrefix(), 'a', { ttlMs: 1_000, renewEveryMs: 60_000 });
    await untilHeld(held);
    await vi.waitFor(() => expect(held.epoch).toBeNull(), { interval: 10 });
  });

  test('closing without ever having held it leaves the holder alone', async () => {
    const prefix = uniquePrefix();
    const first = lease(prefix, 'a');
    await untilHeld(first);
    const second = lease(prefix, 'b');
    await vi.waitFor(() => expect(second.owner).toBe('a'));
    await second.close();
    await first.renew();
    expect(first.epoch).toBe(1);
  });
});
