import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import { SnapshotFeed } from '#libs/store';
import type { UnderstudyConfig } from '#libs/config';
import { ROUTER_CONFIG } from './router.tokens.js';

/** Of the snapshot in use; nulls before the first. */
export interface HealthViewStatus {
  epoch: number | null;
  version: number | null;
  age_ms: number | null;
  stale: boolean;
}

/** The last known health of every target, in memory: a decision never waits for Redis. */
@Injectable()
export class HealthViewService implements OnModuleInit, OnApplicationShutdown {
  #byTarget: ReadonlyMap<string, TargetHealth> = new Map();

  constructor(
    private readonly feed: SnapshotFeed,
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  onModuleInit(): void {
    this.feed.onChange((snapshot) => this.#take(snapshot));
    this.feed.start();
  }

  /** Health by target id; empty while nothing is known, which routing takes as "all are well". */
  get byTarget(): ReadonlyMap<string, TargetHealth> {
    return this.#byTarget;
  }

  /** Which snapshot routing rests on, and whether it is older than the configuration allows, or missing. */
  status(now: number): HealthViewStatus {
    const { current } = this.feed;
    const ageMs = current ? this.feed.ageMs(now) : null;
    return {
      epoch: current?.epoch ?? null,
      version: current?.version ?? null,
      age_ms: ageMs,
      stale: ageMs === null || ageMs > this.config.health.staleAfterMs,
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.feed.close();
  }

  #take(snapshot: HealthSnapshot): void {
    this.#byTarget = new Map(snapshot.targets.map((health) => [health.target, health]));
  }
}
