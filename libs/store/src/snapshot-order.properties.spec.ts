import { redisKeys } from '#libs/contracts';
import { connectRedis, type Redis } from '#libs/redis';
import { uniquePrefix } from '#libs/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SnapshotFeed } from './snapshot-feed.js';
import { isNewer } from './snapshot-order.js';
import { SnapshotStore } from './snapshot-store.js';
import { HOLD_LEASE, RELEASE_LEASE } from './scripts/hold-lease.js';
import { snapshotOf } from './snapshot.fixture.js';

const RUNS = { numRuns: 1_000 };
const redisUrl = process.env.REDIS_URL!;
const prefix = uniquePrefix();
type Stamp = [epoch: number, version: number];

let redis: Redis;
const closing: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  redis = connectRedis({ url: redisUrl, name: 'spec', patience: 'patient' });
  await redis.ping();
});

afterAll(async () => {
  for (const close of closing) await close();
  redis.disconnect();
});

/** What is left when each stamp is dropped that is not newer than all before it. */
function risingOnly(stamps: readonly Stamp[]): Stamp[] {
  const rising: Stamp[] = [];
  for (const stamp of stamps) {
    const last = rising.at(-1);
    if (!last || stamp[0] > last[0] || (stamp[0] === last[0] && stamp[1] > last[1])) rising.push(stamp);
  }
  return rising;
}

describe('the order of snapshots', () => {
  test('is total: of two publications exactly one is newer, unless they are the same, and newer than newer is newer', () => {
    const stamp = fc.record({ epoch: fc.nat(3), version: fc.nat(3) });
    fc.assert(
      fc.property(stamp, stamp, stamp, (a, b, c) => {
        const same = a.epoch === b.epoch && a.version === b.version;
        expect([isNewer(a, b), isNewer(b, a)].filter(Boolean)).toHaveLength(same ? 0 : 1);
        if (isNewer(a, b) && isNewer(b, c)) expect(isNewer(a, c)).toBe(true);
      }),
      RUNS,
    );
  });

  test('an older or repeated snapshot changes nothing, in whatever order snapshots are heard', async () => {
    const feed = new SnapshotFeed({ redisUrl, prefix, rereadEveryMs: 60_000 });
    closing.push(() => feed.close());
    const channel = redisKeys(prefix).healthChanged;
    const taken: Stamp[] = [];
    let onEnd: (() => void) | undefined;
    feed.onChange(({ epoch, version }) => {
      taken.push([epoch, version]);
      if (version === END) onEnd?.();
    });
    feed.start();
    await vi.waitFor(async () => expect(await redis.pubsub('NUMSUB', channel)).toEqual([channel, 1]));

    const END = 1_000;
    const stamps = fc.array(fc.tuple(fc.nat(2), fc.nat(4)), { minLength: 1, maxLength: 8 });
    let base = 0;
    await fc.assert(
      fc.asyncProperty(stamps, async (relative) => {
        // Each run begins above the last one; its last message ends it.
        base += 10;
        const heard = [...relative.map(([epoch, version]): Stamp => [base + epoch, version]), [base + 3, END] as Stamp];
        taken.length = 0;
        const ended = new Promise<void>((resolve) => (onEnd = resolve));
        for (const [epoch, version] of heard)
          void redis.publish(channel, JSON.stringify(snapshotOf(epoch, version, [])));
        await ended;
        expect(taken).toEqual(risingOnly(heard));
        expect([feed.current?.epoch, feed.current?.version]).toEqual([base + 3, END]);
      }),
      RUNS,
    );
  }, 180_000);

  test('two aggregators between which the lease moves at random never publish out of order', async () => {
    const two = [new Leader('a', redis), new Leader('b', redis)] as const;
    const subscriber = redis.duplicate();
    closing.push(() => subscriber.disconnect(), ...two.map((leader) => () => leader.close()));
    let heard: Stamp[] = [];
    subscriber.on('message', (_channel: string, text: string) => {
      const { epoch, version } = JSON.parse(text) as { epoch: number; version: number };
      heard.push([epoch, version]);
    });
    const keys = redisKeys(LEADERS);
    await subscriber.subscribe(keys.healthChanged);
    await Promise.all(two.map((leader) => leader.connected()));

    const act = fc.constantFrom('hold', 'publish', 'publish', 'publishAgain', 'release', 'leaseEnds', 'restart');
    // What is done together reaches Redis in no certain order.
    const step = fc.record({ who: fc.nat(1), act, together: fc.boolean() });
    const totals = { accepted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), async (steps) => {
        await redis.del(keys.lease, keys.epoch, keys.snapshotMeta, keys.healthState);
        for (const leader of two) leader.restart();
        heard = [];
        let pending: Promise<unknown>[] = [];
        for (const { who, act: what, together } of steps) {
          pending.push(what === 'leaseEnds' ? redis.del(keys.lease) : Promise.resolve((two[who] ?? two[0])[what]()));
          if (together) continue;
          await Promise.all(pending);
          pending = [];
        }
        await Promise.all(pending);

        // Whoever takes the free lease can publish, and is heard last.
        await redis.del(keys.lease);
        await two[0].hold();
        expect(await two[0].publish()).toBe(true);
        const accepted = two[0].accepted + two[1].accepted;
        await vi.waitFor(() => expect(heard).toHaveLength(accepted), { interval: 1 });
        expect(heard).toEqual(risingOnly(heard));
        expect(heard.at(-1)?.[0]).toBe(two[0].epoch);
        totals.accepted += accepted;
        totals.refused += two[0].refused + two[1].refused;
        for (const leader of two) Object.assign(leader, { accepted: 0, refused: 0 });
      }),
      RUNS,
    );
    // Without a former leader that still tries, nothing would be proven.
    expect(totals.accepted).toBeGreaterThan(2 * RUNS.numRuns);
    expect(totals.refused).toBeGreaterThan(RUNS.numRuns / 4);
  }, 180_000);
});

const LEADERS = uniquePrefix();

/** An aggregator as far as it leads: it believes what it was told last, however long ago. */
class Leader {
  readonly #store = new SnapshotStore({ redisUrl, prefix: LEADERS });
  readonly #keys = redisKeys(LEADERS);
  epoch = 0;
  version = 0;
  accepted = 0;
  refused = 0;

  constructor(
    private readonly owner: string,
    private readonly redis: Redis,
  ) {}

  /** Asks for the lease; a new term goes on from the version that the last leader left. */
  async hold(): Promise<void> {
    const answer = await this.redis.eval(HOLD_LEASE, 2, this.#keys.lease, this.#keys.epoch, this.owner, 60_000);
    const [held, epoch] = answer as [number, number];
    if (held !== 1 || epoch === this.epoch) return;
    this.version = Number((await this.#store.readState()) ?? 0);
    this.epoch = epoch;
  }

  publish(): Promise<boolean> {
    this.version++;
    return this.publishAgain();
  }

  /** The answer to the first time was lost. */
  async publishAgain(): Promise<boolean> {
    const { epoch, version } = this;
    const snapshot = snapshotOf(epoch, version, []);
    const isTaken = await this.#store.publish({ epoch, snapshot, state: String(version) });
    if (isTaken) this.accepted++;
    else this.refused++;
    return isTaken;
  }

  async release(): Promise<void> {
    await this.redis.eval(RELEASE_LEASE, 1, this.#keys.lease, this.owner);
  }

  /** Forgets that it led. */
  restart(): void {
    Object.assign(this, { epoch: 0, version: 0 });
  }

  async connected(): Promise<void> {
    await vi.waitFor(() => this.#store.read());
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
