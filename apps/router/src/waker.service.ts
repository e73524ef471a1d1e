import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { gateErrors, type ParkedGroup, ParkingLot } from '#libs/queue';
import { SnapshotFeed } from '#libs/store';
import { ParkingMetrics } from '#libs/telemetry';
import { DecisionService } from './decision.service.js';
import { wishesOf } from './parked-group.js';
import { ReleaseLog } from './release-log.js';
import { FRONT, nextReleases, passClass, PAUSE_WITHOUT_ROOM_MS, type PlannedRelease, shareOf } from './release-plan.js';
import { ROUTER_CONFIG } from './router.tokens.js';
import { isUnknown, learn, type WaitingGroup, WaitingGroups } from './waiting-groups.js';

/** How often it is looked whether somebody can be asked, while jobs are parked. */
const LOOK_EVERY_MS = 100;

/** The same while jobs go on: what stood in front may have been taken up by then. */
const LOOK_AGAIN_MS = 20;

/** How often Redis is asked which groups there are. All that an idle router asks for. */
const LIST_EVERY_MS = 1_000;

/** How often a part of one group is searched for jobs that have ended. */
const SWEEP_EVERY_MS = 5_000;

/** Groups of which one turn learns how many jobs they have. */
const KNOWN_AT_ONCE = 2_000;

/** How long a turn takes at most: other groups have the next ones. */
const LONGEST_LOOK_MS = 100;

/**
 * Lets parked jobs go on as soon as this router could ask somebody for them, and no more of them than that. Every router does so for
 * all groups: whoever can serve them wakes them.
 */
@Injectable()
export class WakerService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger(WakerService.name);
  readonly #groups: WaitingGroups;
  readonly #released = new ReleaseLog();
  readonly #failed = gateErrors((err: Error) => this.#log.warn({ event: 'llm.waker.failed', err }));
  #listedAt = -Infinity;
  #sweptAt = -Infinity;
  #looking = false;
  #hasNews = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly lot: ParkingLot,
    private readonly decisions: DecisionService,
    private readonly feed: SnapshotFeed,
    private readonly metrics: ParkingMetrics,
    @Inject(ROUTER_CONFIG) config: UnderstudyConfig,
  ) {
    this.#groups = new WaitingGroups((group) => wishesOf(group, config));
  }

  onApplicationBootstrap(): void {
    // A recovery is news that parked jobs need not wait for the next turn.
    this.feed.onChange(() => {
      this.#groups.news(performance.now());
      this.#hasNews = true;
      if (this.#groups.size > 0) this.#lookIn(0);
    });
    // So is a place under a limit: a pause after the last few would leave it unused.
    this.decisions.onRoom(() => this.#groups.room(performance.now()));
    this.#lookIn(0);
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#tellReleased(Infinity);
  }

  /** A job of this group was parked here. */
  tell(group: ParkedGroup): void {
    const wasIdle = this.#groups.size === 0;
    this.#groups.tell(group, performance.now());
    if (wasIdle) this.#lookIn(LOOK_EVERY_MS);
  }

  #lookIn(ms: number): void {
    if (this.#looking || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), ms);
  }

  /** One turn at a time: while Redis is away it waits for it. */
  async #look(): Promise<void> {
    this.#looking = true;
    this.#hasNews = false;
    let nextInMs = LOOK_EVERY_MS;
    try {
      const now = performance.now();
      if (now - this.#listedAt >= LIST_EVERY_MS) await this.#list(now);
      if (await this.#release(performance.now())) nextInMs = LOOK_AGAIN_MS;
      if (now - this.#sweptAt >= SWEEP_EVERY_MS) await this.#sweep(now);
    } catch (error) {
      if (!this.#stopped) this.#failed(error);
    }
    this.#tellReleased(performance.now());
    this.#looking = false;
    if (this.#groups.size === 0) nextInMs = LIST_EVERY_MS;
    else if (this.#hasNews) nextInMs = 0;
    this.#lookIn(nextInMs);
  }

  #tellReleased(now: number): void {
    const line = this.#released.take(now);
    if (line) this.#log.log(line);
  }

  async #list(now: number): Promise<void> {
    const { unknown, unlisted } = this.#groups.compare(await this.lot.names(), now);
    this.#listedAt = now;
    for (const group of await this.lot.groups(unknown)) this.#groups.follow(group);
    if (unlisted.length === 0) return;
    // Nearly always they are empty by now. Whoever has removed the list has not removed their jobs.
    const kept = new Set(await this.lot.restore(unlisted));
    // A job may have been parked meanwhile.
    for (const group of unlisted) if (!kept.has(group.name) && group.toldAt < now) this.#groups.forget(group);
  }

  /** @returns whether to look again soon */
  async #release(now: number): Promise<boolean> {
    const room = this.decisions.lookForRoom();
    const { ready, hasMore } = this.#groups.ready(now, (route) => room.has(route), PAUSE_WITHOUT_ROOM_MS);
    if (ready.length === 0) return hasMore;
    await this.#getToKnow(ready, now);
    const waiting = ready
      .filter((group) => group.left > 0 && this.#groups.mayGo(group, now))
      .toSorted((a, b) => a.next - b.next);
    const share = shareOf(waiting.length);
    let released = 0;
    while (!this.#stopped && performance.now() - now < LONGEST_LOOK_MS) {
      const plan = nextReleases(waiting, share, room, now);
      if (plan.length === 0) break;
      const went = await this.#letGo(plan);
      released += went.jobs;
      if (went.isFull) passClass(waiting, plan);
    }
    return hasMore || released > 0;
  }

  async #getToKnow(groups: readonly WaitingGroup[], now: number): Promise<void> {
    const unknown = groups.filter((group) => isUnknown(group, now)).slice(0, KNOWN_AT_ONCE);
    const looks = await this.lot.look(unknown.map(({ name }) => name));
    for (const [i, look] of looks.entries()) learn(unknown[i] as WaitingGroup, look, now);
  }

  async #letGo(plan: readonly PlannedRelease[]): Promise<{ jobs: number; isFull: boolean }> {
    const asks = plan.map(({ group, most }) => ({ group: group.name, most }));
    const { groups, isFull } = await this.lot.release(asks, FRONT);
    const now = performance.now();
    let jobs = 0;
    for (const [i, release] of groups.entries()) {
      const { group } = plan[i] as PlannedRelease;
      const { released } = release;
      learn(group, release, now);
      if (released === 0) continue;
      jobs += released;
      this.metrics.released(group.way.route ? 'available' : 'unroutable', released);
      this.#released.add(group, released, now);
    }
    return { jobs, isFull };
  }

  async #sweep(now: number): Promise<void> {
    this.#sweptAt = now;
    const group = this.#groups.toSweep();
    if (group) group.sweepFrom = await this.lot.sweep(group.name, group.sweepFrom);
  }
}
