import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { type ParkedGroup, ParkingLot } from '#libs/queue';
import { SnapshotFeed } from '#libs/store';
import { ParkingMetrics } from '#libs/telemetry';
import { DecisionService } from './decision.service.js';
import { wishesOf } from './parked-group.js';
import type { ResolvedRoute } from './resolve-route.js';
import { ROUTER_CONFIG } from './router.tokens.js';

/** How often it is looked whether somebody can be asked, while jobs are parked. */
const LOOK_EVERY_MS = 100;

/** How often Redis is asked which groups there are. All that an idle router asks for. */
const LIST_EVERY_MS = 1_000;

/** How often a part of one group is searched for jobs that have ended. */
const SWEEP_EVERY_MS = 5_000;

/** Jobs of one class that stand in front of the queue at once: enough to keep routers busy until the next look. */
const PORTION = 100;

/** Of a group that may be small: looking for room costs by the number of jobs that are to find some. */
const FEW = 8;

/** Where there is room for fewer, as for the trial of a half-open target: how long before more may go. */
const PAUSE_AFTER_FEW_MS = 500;

/** Groups that are looked at in one turn, and how long a turn takes at most: the others have the next ones. */
const GROUPS_PER_LOOK = 200;
const LONGEST_LOOK_MS = 100;

/** One group, as this router follows it. Times are monotonic. */
interface Waiting extends ParkedGroup {
  model: string;
  /** Null: the configuration knows none. Its jobs go on, and fail by themselves. */
  route: ResolvedRoute | null;
  /** How many are let go at once. */
  portion: number;
  notBefore: number;
  toldAt: number;
  sweepFrom: number;
}

/**
 * Lets parked jobs go on as soon as this router could ask somebody for them, and no more of them than that. Every router does so for
 * all groups: whoever can serve them wakes them.
 */
@Injectable()
export class WakerService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger(WakerService.name);
  readonly #groups = new Map<string, Waiting>();
  #listedAt = -Infinity;
  #sweptAt = -Infinity;
  #looking = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly lot: ParkingLot,
    private readonly decisions: DecisionService,
    private readonly feed: SnapshotFeed,
    private readonly metrics: ParkingMetrics,
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  onApplicationBootstrap(): void {
    // A recovery is news that parked jobs need not wait for the next turn.
    this.feed.onChange(() => this.#groups.size > 0 && this.#lookIn(0));
    // So is a place under a limit: a pause after the last few would leave it unused.
    this.decisions.onRoom(() => {
      for (const group of this.#groups.values()) group.notBefore = -Infinity;
    });
    this.#lookIn(0);
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** A job of this group was parked here. */
  tell(group: ParkedGroup): void {
    const wasIdle = this.#groups.size === 0;
    this.#follow(group).toldAt = performance.now();
    if (wasIdle) this.#lookIn(LOOK_EVERY_MS);
  }

  #follow(group: ParkedGroup): Waiting {
    let waiting = this.#groups.get(group.name);
    if (!waiting) {
      waiting = {
        ...group,
        ...wishesOf(group, this.config),
        portion: FEW,
        notBefore: -Infinity,
        toldAt: -Infinity,
        sweepFrom: 0,
      };
      this.#groups.set(group.name, waiting);
    }
    return waiting;
  }

  #lookIn(ms: number): void {
    if (this.#looking || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), ms);
  }

  /** One turn at a time: while Redis is away it waits for it. */
  async #look(): Promise<void> {
    this.#looking = true;
    try {
      const now = performance.now();
      if (now - this.#listedAt >= LIST_EVERY_MS) await this.#list(now);
      await this.#lookAtGroups(now);
      if (now - this.#sweptAt >= SWEEP_EVERY_MS) await this.#sweep(now);
    } catch (error) {
      if (!this.#stopped) this.#log.warn({ event: 'llm.waker.failed', err: error });
    }
    this.#looking = false;
    this.#lookIn(this.#groups.size > 0 ? LOOK_EVERY_MS : LIST_EVERY_MS);
  }

  async #list(now: number): Promise<void> {
    const groups = await this.lot.groups();
    const names = new Set(groups.map(({ name }) => name));
    for (const group of groups) this.#follow(group);
    for (const [name, { toldAt }] of this.#groups) if (!names.has(name) && toldAt < now) this.#groups.delete(name);
    this.#listedAt = now;
  }

  async #lookAtGroups(now: number): Promise<void> {
    for (const group of [...this.#groups.values()].slice(0, GROUPS_PER_LOOK)) {
      this.#toEnd(group);
      await this.#releaseFrom(group);
      if (performance.now() - now > LONGEST_LOOK_MS) return;
    }
  }

  #toEnd(group: Waiting): void {
    this.#groups.delete(group.name);
    this.#groups.set(group.name, group);
  }

  async #releaseFrom(group: Waiting): Promise<void> {
    const now = performance.now();
    if (this.#stopped || now < group.notBefore) return;
    const { portion } = group;
    const room = group.route ? this.decisions.roomFor(group.route, portion) : portion;
    if (room === 0) return;
    const { released, left } = await this.lot.release(group.name, room, PORTION);
    group.portion = left > FEW ? PORTION : FEW;
    if (room < portion) group.notBefore = now + PAUSE_AFTER_FEW_MS;
    if (released === 0) return;
    this.metrics.released(group.route ? 'available' : 'unroutable', released);
    this.#log.log({ event: 'llm.jobs.released', model: group.model, group: group.name, jobs: released, left });
    // It is larger than was thought, and there may be room for more.
    if (released === portion && portion < group.portion) await this.#releaseFrom(group);
  }

  async #sweep(now: number): Promise<void> {
    this.#sweptAt = now;
    // The least recently swept one: it goes to the end.
    const [group] = this.#groups.values();
    if (!group) return;
    this.#toEnd(group);
    group.sweepFrom = await this.lot.sweep(group.name, group.sweepFrom);
  }
}
