import { type QueueName, redisKeys, type RedisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis } from '#libs/redis';
import { QueueKeys } from 'bullmq';
import { LEAVE_GROUP, PARK_JOB, SWEEP_GROUP } from './lua/park-job.js';
import { RELEASE_PARKED } from './lua/release-parked.js';
import type { QueueLocation } from './queue-access.js';

/** Ids in a group are ordered by priority, then by milliseconds of enqueueing, which end below this until the year 2109. */
const CLASS = 2 ** 42;

/** Ids that one sweep looks at. */
const SWEPT_AT_ONCE = 1_000;

/** Jobs that wait for the same. */
export interface ParkedGroup {
  name: string;
  /** What they wait for, for whoever looks whether it is there; the lot does not read it. */
  waitsFor: string;
}

/** One job that is to wait. */
export interface ParkedJob {
  jobId: string;
  /** BullMQ's number. */
  priority: number;
  /** Epoch milliseconds. */
  enqueuedAt: number;
}

/**
 * Where jobs wait that nobody can be asked for. A parked job lies in BullMQ's delayed set until shortly before its deadline, and its id
 * in a group with all others that wait for the same: looking whether they can go on costs by the number of groups, not of jobs.
 * Commands wait while Redis is away.
 */
export class ParkingLot {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #bull: Record<string, string>;
  readonly #jobKeyPrefix: string;

  constructor(
    queue: QueueName,
    private readonly options: QueueLocation,
  ) {
    this.#redis = options.connection ?? connectRedis({ url: options.redisUrl, name: 'parking', patience: 'patient' });
    this.#keys = redisKeys(options.prefix);
    this.#bull = new QueueKeys(options.prefix).getKeys(queue);
    this.#jobKeyPrefix = this.#keys.bull(queue, '');
  }

  /**
   * Enters a job that is in hand. Its run must end by `BullContext.parkUntil` right after this, at a time before its deadline: that
   * is when it goes on if nobody has let it go. A process that dies between the two loses nothing, since BullMQ still has the job.
   * @param holdMs for how long no other job of the group is let go; for a job that was let go and found nobody
   * @returns whether it is the first of its group
   */
  async enter({ jobId, priority, enqueuedAt }: ParkedJob, group: ParkedGroup, holdMs = 0): Promise<boolean> {
    const { parkedGroups, parked, parkedHold } = this.#keys;
    const keys = [parkedGroups, parked(group.name), parkedHold(group.name)];
    const place = priority * CLASS + Math.min(Math.max(0, Math.floor(enqueuedAt)), CLASS - 1);
    const isFirst = await this.#redis.eval(
      PARK_JOB,
      keys.length,
      ...keys,
      group.name,
      group.waitsFor,
      jobId,
      place,
      holdMs,
    );
    return isFirst === 1;
  }

  /** Takes out a job that has ended without being let go. */
  async leave(group: string, jobId: string): Promise<void> {
    const { parkedGroups, parked } = this.#keys;
    await this.#redis.eval(LEAVE_GROUP, 2, parkedGroups, parked(group), group, jobId);
  }

  /** All groups that have jobs. */
  async groups(): Promise<ParkedGroup[]> {
    const found = await this.#redis.hgetall(this.#keys.parkedGroups);
    return Object.entries(found).map(([name, waitsFor]) => ({ name, waitsFor }));
  }

  /**
   * Lets up to `most` jobs of a group go on, as long as fewer than `room` of their class stand in front already. Any number of
   * processes may do so at once. Does nothing while the group is on hold.
   */
  async release(group: string, most: number, room: number): Promise<{ released: number; left: number }> {
    const { parkedGroups, parked, parkedHold } = this.#keys;
    const keys = [
      parkedGroups,
      parked(group),
      parkedHold(group),
      ...['delayed', 'prioritized', 'wait', 'marker', 'events'].map((name) => this.#bull[name] as string),
    ];
    const answer = await this.#redis.eval(RELEASE_PARKED, keys.length, ...keys, group, most, room, this.#jobKeyPrefix);
    const [released, left] = answer as [number, number];
    return { released, left };
  }

  /**
   * Drops ids of jobs that do not wait any more from a part of a group.
   * @param from what the last sweep of this group has returned; 0 at first
   * @returns where to go on; 0 when the group is through
   */
  async sweep(group: string, from: number): Promise<number> {
    const keys = [this.#keys.parkedGroups, this.#keys.parked(group), this.#bull.delayed as string];
    const next = await this.#redis.eval(
      SWEEP_GROUP,
      keys.length,
      ...keys,
      group,
      from,
      SWEPT_AT_ONCE,
      this.#jobKeyPrefix,
    );
    return next as number;
  }

  /** How many jobs are parked. */
  async count(): Promise<number> {
    const groups = await this.#redis.hkeys(this.#keys.parkedGroups);
    const counts = await Promise.all(groups.map((group) => this.#redis.zcard(this.#keys.parked(group))));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Lets go of the connection, unless it was lent. */
  async close(): Promise<void> {
    if (!this.options.connection) await closeRedis(this.#redis);
  }
}
