import {
  viewTarget,
  type HealthPolicy,
  type Observation,
  type TargetProfile,
  type TargetState,
  type TargetView,
} from '#libs/health-core';
import { FleetHealth } from '../../apps/aggregator/src/fleet-health.js';
import { probeSlotMs } from '../../apps/aggregator/src/probe-interval.js';
import type { EventQueue } from './event-queue.js';

/** When no aggregator leads, epoch milliseconds. */
export interface Absence {
  fromMs: number;
  toMs: number;
}

/** What the path is made of. */
export interface SnapshotPathPlan {
  events: EventQueue;
  /** Random numbers in [0, 1). */
  draw: () => number;
  profiles: readonly TargetProfile[];
  policy: HealthPolicy;
  /** Configured interval between probes. */
  probeIntervalMs: number;
  absence?: Absence | undefined;
}

/** From the end of a call until the aggregator folds it, and from a publication until routers and probers have it. */
const OBSERVATION_DELAY_MS = 50;
const PUBLICATION_DELAY_MS = 30;
/** A publication at least this often. */
const HEARTBEAT_MS = 1_000;
/** How soon after the last one a publication may follow that only wants probes sooner. */
const SHORTEST_GAP_MS = 250;

/** What routers hold: the views of all targets, and when they were made. */
export interface PublishedViews {
  at: number;
  targets: readonly TargetView[];
}

/** What a prober needs to know of one target. */
export interface ProbeWish {
  intervalMs: number;
  generation: number;
}

/** Views, or all that is needed to make them once somebody asks. */
interface Publication {
  atMs: number;
  views: () => PublishedViews;
}

/**
 * The aggregator and the way to it and from it: observations arrive late, the aggregator's own FleetHealth folds them, and what follows
 * is published at once when routing changes, else each second.
 *
 * Months have many seconds in which nothing happens. Time is told to the fleet only when it can change something, and the views of a
 * publication are made when somebody asks for them, from the states of then; what routers and probers get is the same.
 */
export class SnapshotPath {
  readonly #events: EventQueue;
  readonly #fleet: FleetHealth;
  #publications: Publication[];
  #publishedAt: number;
  /** When the next publication is due that is not left to whoever asks; an event for another time is out of date. */
  #publishAt = Infinity;
  /** As published last. */
  #wishes: readonly ProbeWish[];
  #onWishes: (wishes: readonly ProbeWish[]) => void = () => undefined;

  constructor(private readonly plan: SnapshotPathPlan) {
    const { events, draw, profiles, policy, probeIntervalMs } = plan;
    this.#events = events;
    const targets = profiles.map((profile) => ({ ...profile, model: profile.id }));
    const config = { targets, health: { policy }, probes: { intervalMs: probeIntervalMs } };
    this.#fleet = new FleetHealth(config, undefined, draw);
    this.#publishedAt = events.now;
    this.#wishes = this.#wishesAt(events.now);
    this.#publications = [this.#asOf(events.now)];
  }

  /** Calls `listener` when a publication has arrived that changes when or how targets are probed. */
  onWishes(listener: (wishes: readonly ProbeWish[]) => void): void {
    this.#onWishes = listener;
  }

  /** A call has ended just now. */
  report(observation: Observation): void {
    this.#events.at(this.#events.now + OBSERVATION_DELAY_MS, () => this.#fold(observation));
  }

  /** What a router knows by now. */
  latest(): PublishedViews {
    this.#catchUp();
    this.#dropOutdated();
    return (this.#publications[0] as Publication).views();
  }

  #fold(observation: Observation): void {
    const { now } = this.#events;
    if (this.#isAbsent(now)) return;
    this.#catchUp();
    const folded = this.#fleet.fold(observation, now);
    if (folded.as !== 'news') throw new Error(`observation ${observation.id} was taken for ${folded.as}`);
    if (folded.effects.some(({ type }) => type === 'breaker-changed' || type === 'state-changed')) this.#publish();
    else this.#followDoubts(observation, now);
  }

  /** A failure may be a reason to look more closely, at once; what follows may end it, which can wait for the heartbeat. */
  #followDoubts({ outcome }: Observation, now: number): void {
    const isUsual = this.#wishes.every(({ intervalMs }) => intervalMs === this.plan.probeIntervalMs);
    if (outcome === 'success' && isUsual) return;
    const wishes = this.#wishesAt(now);
    const isSooner = wishes.some(({ intervalMs }, i) => intervalMs < (this.#wishes[i]?.intervalMs ?? 0));
    if (isSooner) this.#publishBy(this.#publishedAt + SHORTEST_GAP_MS);
    else if (!isEqual(wishes, this.#wishes)) this.#publishBy(this.#publishedAt + HEARTBEAT_MS);
  }

  #publishBy(atMs: number): void {
    const dueAt = Math.max(this.#events.now, atMs);
    if (dueAt >= this.#publishAt) return;
    this.#publishAt = dueAt;
    this.#events.at(dueAt, () => {
      if (this.#publishAt === dueAt) this.#publish();
    });
  }

  /** As LeaderTerm does it: time passes for the fleet, then everybody hears how it is. */
  #publish(): void {
    const { now } = this.#events;
    this.#publishAt = Infinity;
    if (this.#isAbsent(now)) return this.#publishBy(now + HEARTBEAT_MS);
    this.#fleet.tick(now);
    this.#publishedAt = now;
    this.#keep(this.#asOf(now));
    const wishes = this.#wishesAt(now);
    if (!isEqual(wishes, this.#wishes)) this.#events.at(now + PUBLICATION_DELAY_MS, () => this.#onWishes(wishes));
    this.#wishes = wishes;
    this.#publishBy(Math.max(now + HEARTBEAT_MS, this.#nextChangeByTime(now)));
  }

  #wishesAt(now: number): ProbeWish[] {
    const { views } = this.#asOf(now);
    const { targets } = views();
    const isAnyClosed = targets.some(({ breaker }) => breaker === 'closed');
    const situation = { usualMs: this.plan.probeIntervalMs, isAnyClosed, now };
    return targets.map((view) => ({
      intervalMs: probeSlotMs(view, situation, this.plan.policy),
      generation: view.generation,
    }));
  }

  /** From when on time alone can change something; Infinity if only news can. */
  #nextChangeByTime(now: number): number {
    const { forgiveMs, siblingSuspicionMs } = this.plan.policy;
    const times = Object.values(this.#fleet.save().targets).map(({ breaker }) => {
      // Its interval grows, its hold ends, probes may close it: all of that is looked at each second.
      if (breaker.phase !== 'closed') return now;
      const forgivenAt = breaker.openings > 0 ? breaker.forgivenAt + forgiveMs : Infinity;
      const trustedAt = breaker.siblingOpenedAt + siblingSuspicionMs;
      return Math.min(forgivenAt, trustedAt > now ? trustedAt : Infinity);
    });
    return Math.min(...times);
  }

  /** The quiet heartbeats since the last publication that somebody can still hold: the last one, and while it travels the one before. */
  #catchUp(): void {
    const { now } = this.#events;
    const lastUp = this.#isAbsent(now) ? (this.plan.absence?.fromMs ?? now) : now;
    const lastMs = Math.floor(lastUp / HEARTBEAT_MS) * HEARTBEAT_MS;
    // One that is planned is about to follow.
    if (this.#publishAt <= this.#publishedAt + HEARTBEAT_MS) return;
    for (const atMs of [lastMs - HEARTBEAT_MS, lastMs]) {
      if (atMs <= this.#publishedAt || (this.#isAbsent(atMs) && atMs !== this.plan.absence?.fromMs)) continue;
      this.#publishedAt = atMs;
      this.#keep(this.#asOf(atMs));
    }
  }

  /** The states of now, to be seen as of another time. */
  #asOf(atMs: number): Publication {
    const { targets: states } = this.#fleet.save();
    const { profiles, policy } = this.plan;
    let made: PublishedViews | undefined;
    const make = () => ({
      at: atMs,
      targets: profiles.map((profile) => viewTarget(states[profile.id] as TargetState, profile, atMs, policy)),
    });
    return { atMs, views: () => (made ??= make()) };
  }

  #keep(publication: Publication): void {
    this.#dropOutdated();
    this.#publications.push(publication);
  }

  /** Forgets what a newer arrival has replaced. */
  #dropOutdated(): void {
    const { now } = this.#events;
    const newest = this.#publications.findLastIndex(({ atMs }) => atMs + PUBLICATION_DELAY_MS <= now);
    if (newest > 0) this.#publications.splice(0, newest);
  }

  #isAbsent(now: number): boolean {
    const { absence } = this.plan;
    return absence !== undefined && now >= absence.fromMs && now < absence.toMs;
  }
}

const isEqual = (some: readonly ProbeWish[], others: readonly ProbeWish[]) =>
  some.every(
    ({ intervalMs, generation }, i) => others[i]?.intervalMs === intervalMs && others[i]?.generation === generation,
  );
