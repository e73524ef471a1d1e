import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import type { HealthSnapshot } from '#libs/contracts';
import { initialTargetState, type Observation, returnedAt, type TargetView, viewTarget } from '#libs/health-core';
import { SnapshotFeed } from '#libs/store';
import { LocalHealth } from './local-health.js';
import { OwnBlocks } from './own-blocks.js';
import { ROUTER_CONFIG } from './router.tokens.js';

const LOOK_EVERY_MS = 1_000;

/** Of the snapshot in use; nulls before the first. */
export interface HealthViewStatus {
  epoch: number | null;
  version: number | null;
  age_ms: number | null;
  /** Nobody has published for longer than `health.policy.staleAfterMs`: this router goes by its own outcomes. */
  stale: boolean;
}

/**
 * Health of every configured target, in memory: a decision never waits for Redis. By the aggregator's snapshot while it is fresh, by
 * this router's own outcomes while it is not.
 */
@Injectable()
export class HealthViewService implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger(HealthViewService.name);
  /** Of the newest snapshot, on this process's clock. */
  #published: ReadonlyMap<string, TargetView> = new Map();
  /** Exists exactly while the snapshot is stale or missing. */
  #local: LocalHealth | null = null;
  readonly #blocks: OwnBlocks;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly feed: SnapshotFeed,
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
  ) {
    this.#blocks = new OwnBlocks(config.health.policy);
  }

  onModuleInit(): void {
    this.feed.onChange((snapshot) => this.#take(snapshot));
    this.feed.start();
    // Without traffic nobody else would notice that the snapshot grows old.
    this.#timer = setInterval(() => this.#sourceAt(Date.now()), LOOK_EVERY_MS);
  }

  /** By target id; every configured target is in it. */
  views(now: number): ReadonlyMap<string, TargetView> {
    return this.#sourceAt(now)?.views(now) ?? this.#published;
  }

  /** One of our calls ended; it counts here only while there is no fresh snapshot, since the aggregator hears of it too. */
  observe(observation: Observation, now: number): void {
    this.#sourceAt(now)?.observe(observation, now);
  }

  /** Breaker generation of the last snapshot: what observations for the aggregator carry, also while we go by ourselves. */
  publishedGeneration(target: string): number | undefined {
    return this.#published.get(target)?.generation;
  }

  /** Mode that the fleet is in, by the last snapshot however old; the primary one before the first. Null without modes. */
  mode(): string | null {
    const { modes } = this.config;
    if (!modes) return null;
    const current = this.feed.current?.mode?.current;
    return current === modes.secondary ? modes.secondary : modes.primary;
  }

  /** When that mode came back after an outage, on this process's clock, if its targets' share may still have to grow; else 0. */
  modeReturnedAt(now: number): number {
    const mode = this.feed.current?.mode;
    const { scoring, rampMs } = this.config.health.policy;
    // The article knows no ramp.
    if (!mode || scoring === 'article') return 0;
    const at = returnedAt(mode);
    const ownAt = at === 0 ? 0 : at + this.feed.clockOffsetMs;
    return now - ownAt < rampMs ? ownAt : 0;
  }

  /** Age of the snapshot in use, in milliseconds; Infinity before the first. */
  ageMs(): number {
    return this.feed.ageMs();
  }

  status(): HealthViewStatus {
    const { current } = this.feed;
    return {
      epoch: current?.epoch ?? null,
      version: current?.version ?? null,
      age_ms: current ? Math.round(this.feed.ageMs()) : null,
      stale: this.#isStale(),
    };
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.feed.close();
  }

  /** What decisions rest on: our own outcomes, or null for the snapshot. */
  #sourceAt(now: number): LocalHealth | null {
    if (!this.#isStale()) {
      if (this.#local && this.#published.size > 0)
        this.#log.log({ event: 'llm.health.fresh' }, 'health is published again');
      this.#local = null;
    } else if (!this.#local) {
      this.#local = new LocalHealth(this.config.targets, this.#published, now, this.config.health.policy);
      if (this.#published.size > 0)
        this.#log.warn({
          event: 'llm.health.stale',
          age_ms: Math.round(this.feed.ageMs()),
          msg: 'no health has been published lately; routing goes by what this router sees itself',
        });
    }
    return this.#local;
  }

  #isStale(): boolean {
    return this.feed.ageMs() > this.config.health.policy.staleAfterMs;
  }

  #take(snapshot: HealthSnapshot): void {
    const byTarget = new Map(snapshot.targets.map((health) => [health.target, health]));
    const { policy } = this.config.health;
    const offsetMs = this.feed.clockOffsetMs;
    const now = Date.now();
    this.#published = new Map(
      this.config.targets.map((profile) => {
        const health = byTarget.get(profile.id);
        if (!health) return [profile.id, viewTarget(initialTargetState(profile, policy), profile, now, policy)];
        const blockedUntil = this.#blocks.own(health, now - offsetMs) + offsetMs;
        // Weight and tier are ours: the aggregator may have been configured at another time.
        return [profile.id, { ...onClock(health, offsetMs), blockedUntil, weight: profile.weight, tier: profile.tier }];
      }),
    );
  }
}

/** The view with its times on another clock; 0 stays "never". */
function onClock(view: TargetView, offsetMs: number): TargetView {
  const moved = (at: number) => (at === 0 ? 0 : at + offsetMs);
  return {
    ...view,
    closedAt: moved(view.closedAt),
    changedAt: moved(view.changedAt),
    openUntil: moved(view.openUntil),
    siblingOpenedAt: moved(view.siblingOpenedAt),
    lastProbeAt: moved(view.lastProbeAt),
  };
}
