import { type QueueName, redisKeys, type RedisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis, redisScript } from '#libs/redis';
import { QueueKeys } from 'bullmq';
import { LEAVE_GROUP, PARK_JOB, RESTORE_GROUPS, SWEEP_GROUP } from './lua/park-job.js';
import { RELEASE_PARKED } from './lua/release-parked.js';
import type { QueueLocation } from './queue-access.js';

const parkJob = redisScript(PARK_JOB);
const leaveGroup = redisScript(LEAVE_GROUP);
const restoreGroups = redisScript(RESTORE_GROUPS);
const releaseParked = redisScript(RELEASE_PARKED);
const sweepGroup = redisScript(SWEEP_GROUP);

/** Ids in a group are ordered by priority, then by milliseconds of enqueueing, which end below this until the year 2109. */
const CLASS = 2 ** 42;

/** What one script does at most, so that Redis is busy for no more than a few milliseconds: jobs let go, ids looked at, groups named. */
const RELEASED_AT_ONCE = 100;
const LOOKED_AT_ONCE = 1_000;
const GROUPS_AT_ONCE = 250;

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

/** How many jobs of a group may go on. */
export interface ReleaseAsk {
  group: string;
  most: number;
}

/** What became of that. */
export interface ReleasedGroup {
  released: number;
  left: number;
  /** Of the first job that is left: orders groups, the one with the most urgent and oldest job lowest. Infinity when none is left. */
  next: number;
  /** BullMQ's number of that job. */
  priority: number;
  /** For how long nobody of the group goes, in milliseconds. */
  holdMs: number;
}

export interface ParkingLotOptions extends QueueLocation {
  /** Is told of keys that were taken away because they held what only somebody else can have written. */
  onMended?: ((keys: readonly string[]) => void) | undefined;
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
    private readonly options: ParkingLotOptions,
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
    const place = priority * CLASS + Math.min(Math.max(0, Math.floor(enqueuedAt)), CLASS - 1);
    const answer = await parkJob(
      this.#redis,
      [parkedGroups, parked(group.name), parkedHold(group.name)],
      [group.name, group.waitsFor, jobId, place, holdMs],
    );
    const [isFirst, mended] = answer as [number, string[]];
    this.#tell(mended);
    return isFirst === 1;
  }

  /** Takes out a job that has ended without being let go. */
  async leave(group: string, jobId: string): Promise<void> {
    const { parkedGroups, parked } = this.#keys;
    this.#tell((await leaveGroup(this.#redis, [parkedGroups, parked(group)], [group, jobId])) as string[]);
  }

  /** Names of all groups that have jobs. */
  async names(): Promise<string[]> {
    return this.#redis.hkeys(this.#keys.parkedGroups).catch(async (error: unknown) => {
      if (!isWrongType(error)) throw error;
      await this.restore([]);
      return [];
    });
  }

  /** All groups that have jobs, or of these names those that have. */
  async groups(names?: readonly string[]): Promise<ParkedGroup[]> {
    const asked = names ?? (await this.names());
    const groups: ParkedGroup[] = [];
    for (let i = 0; i < asked.length; i += GROUPS_AT_ONCE) {
      const some = asked.slice(i, i + GROUPS_AT_ONCE);
      const found = await this.#redis.hmget(this.#keys.parkedGroups, ...some);
      for (const [j, name] of some.entries()) {
        const waitsFor = found[j];
        if (typeof waitsFor === 'string') groups.push({ name, waitsFor });
      }
    }
    return groups;
  }

  /**
   * Lists groups again that are not listed although they have jobs: somebody has removed the list, or written over it.
   * @returns the names of those that have jobs
   */
  async restore(groups: readonly ParkedGroup[]): Promise<string[]> {
    const { parkedGroups, parked } = this.#keys;
    const kept: string[] = [];
    for (let i = 0; i === 0 || i < groups.length; i += GROUPS_AT_ONCE) {
      const some = groups.slice(i, i + GROUPS_AT_ONCE);
      const answer = await restoreGroups(
        this.#redis,
        [parkedGroups, ...some.map(({ name }) => parked(name))],
        some.flatMap(({ name, waitsFor }) => [name, waitsFor]),
      );
      const [names, mended] = answer as [string[], string[]];
      kept.push(...names);
      this.#tell(mended);
    }
    return kept;
  }

  /** How many jobs groups have, and which of them come first. In their order. */
  async look(groups: readonly string[]): Promise<ReleasedGroup[]> {
    const looks: ReleasedGroup[] = [];
    for (let i = 0; i < groups.length; i += GROUPS_AT_ONCE) {
      const some = groups.slice(i, i + GROUPS_AT_ONCE).map((group) => ({ group, most: 0 }));
      looks.push(...(await this.release(some, 0)).groups);
    }
    return looks;
  }

  /**
   * Lets jobs go on, a hundred at most: of each group up to `most`, over all groups the most urgent and oldest first, and only as long
   * as fewer than `room` of their class stand in front already. Any number of processes may do so at once. Of a group that is on hold
   * nobody goes.
   * @param asks distinct groups, a few hundred at most
   * @returns what became of each, in their order; `isFull`: a job found no place in front
   */
  async release(asks: readonly ReleaseAsk[], room: number): Promise<{ groups: ReleasedGroup[]; isFull: boolean }> {
    const { parkedGroups, parked, parkedHold } = this.#keys;
    const bull = ['delayed', 'prioritized', 'wait', 'marker', 'events'].map((name) => this.#bull[name] as string);
    const answer = await releaseParked(
      this.#redis,
      [parkedGroups, ...bull, ...asks.flatMap(({ group }) => [parked(group), parkedHold(group)])],
      [RELEASED_AT_ONCE, room, LOOKED_AT_ONCE, this.#jobKeyPrefix, ...asks.flatMap(({ group, most }) => [group, most])],
    );
    const [isFull, ...told] = answer as [number, ...unknown[]];
    this.#tell(told.pop() as string[]);
    const groups = asks.map((_, i): ReleasedGroup => {
      const [released, left, first, holdMs] = told.slice(4 * i, 4 * i + 4) as [number, number, string, number];
      const next = first === '' ? Infinity : Number(first);
      return { released, left, next, priority: Math.floor(next / CLASS), holdMs };
    });
    return { groups, isFull: isFull === 1 };
  }

  /**
   * Drops ids of jobs that do not wait any more from a part of a group.
   * @param from what the last sweep of this group has returned; 0 at first
   * @returns where to go on; 0 when the group is through
   */
  async sweep(group: string, from: number): Promise<number> {
    const keys = [this.#keys.parkedGroups, this.#keys.parked(group), this.#bull.delayed as string];
    const answer = await sweepGroup(this.#redis, keys, [group, from, LOOKED_AT_ONCE, this.#jobKeyPrefix]);
    const [next, mended] = answer as [number, string[]];
    this.#tell(mended);
    return next;
  }

  /** How many jobs are parked. */
  async count(): Promise<number> {
    const groups = await this.names();
    const countOf = (group: string) =>
      this.#redis.zcard(this.#keys.parked(group)).catch((error: unknown) => {
        if (isWrongType(error)) return 0;
        throw error;
      });
    const counts = await Promise.all(groups.map(countOf));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Lets go of the connection, unless it was lent. */
  async close(): Promise<void> {
    if (!this.options.connection) await closeRedis(this.#redis);
  }

  #tell(mended: readonly string[]): void {
    if (mended.length > 0) this.options.onMended?.(mended);
  }
}

const isWrongType = (error: unknown) => error instanceof Error && error.message.startsWith('WRONGTYPE');
