import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import type { HealthSnapshot } from '#libs/contracts';
import { LOGGER, Readiness } from '#libs/service';
import { Lease, SnapshotFeed } from '#libs/store';
import { HealthMetrics, ModeMetrics, TargetListingMetrics, type Logger } from '#libs/telemetry';
import { AGGREGATOR_CONFIG } from './aggregator.tokens.js';

/**
 * Health as the whole system sees it: the snapshot last published, by this process or by another. A leader and a standby
 * answer alike, also while Redis is away.
 */
@Injectable()
export class HealthViewService implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly feed: SnapshotFeed,
    private readonly lease: Lease,
    private readonly metrics: HealthMetrics,
    private readonly modes: ModeMetrics,
    private readonly listings: TargetListingMetrics,
    private readonly readiness: Readiness,
    @Inject(AGGREGATOR_CONFIG) private readonly config: UnderstudyConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Null until the first one was seen. */
  get snapshot(): HealthSnapshot | null {
    return this.feed.current;
  }

  /** How old the view is in milliseconds (null when there is none), and whether that is too old. */
  freshness(): { ageMs: number | null; stale: boolean } {
    const ageMs = this.feed.ageMs();
    return { ageMs: Number.isFinite(ageMs) ? ageMs : null, stale: ageMs > this.config.health.policy.staleAfterMs };
  }

  onModuleInit(): void {
    this.#followRedis();
    const seen = this.readiness.require('first health snapshot');
    this.feed.onChange((snapshot) => {
      seen.met();
      if (snapshot.mode) this.modes.publish(snapshot.mode.current);
      this.metrics.publish(snapshot.targets.map((target) => ({ ...target, circuit: target.breaker })));
      this.listings.publish(snapshot.targets);
    });
    this.feed.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.feed.close();
  }

  #followRedis(): void {
    const redis = this.readiness.require('redis');
    let connected: boolean | undefined;
    const met = () => {
      redis.met();
      if (connected === false) this.logger.info({ event: 'redis.connected' }, 'Redis is back');
      connected = true;
    };
    if (this.lease.connected) met();
    this.lease.on('connected', met);
    this.lease.on('disconnected', () => {
      redis.lost();
      // ioredis says so after every attempt to connect; once is enough.
      if (connected !== false && !this.readiness.stopping.aborted)
        this.logger.warn({ event: 'redis.disconnected' }, 'Redis is away; the last known health stays in use');
      connected = false;
    });
  }
}
