import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ProbeQueue } from '#libs/queue';
import { Readiness } from '#libs/service';
import { ModelListings, ObservationWriter, SnapshotFeed, TargetLimits } from '#libs/store';
import { ClockSync } from '#libs/redis';
import { ModelListService } from './model-list.service.js';
import { ModelWatchService } from './model-watch.service.js';
import { ProbeScheduleService } from './probe-schedule.service.js';
import { ProbeService } from './probe.service.js';

/** Starts and stops the parts of the prober in the order in which they need each other. */
@Injectable()
export class ProberLifecycle implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly readiness: Readiness,
    private readonly clock: ClockSync,
    private readonly schedule: ProbeScheduleService,
    private readonly probes: ProbeService,
    private readonly queue: ProbeQueue,
    private readonly observations: ObservationWriter,
    private readonly feed: SnapshotFeed,
    private readonly limits: TargetLimits,
    private readonly models: ModelWatchService,
    private readonly lists: ModelListService,
    private readonly listings: ModelListings,
  ) {}

  onApplicationBootstrap(): void {
    // Pings in hand end first, and need everything; new ones are not asked for any more.
    this.readiness.stopping.addEventListener('abort', () => {
      this.schedule.stop();
      this.models.stop();
      this.lists.stop();
      this.clock.stop();
    });
    this.feed.start();
    this.clock.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.schedule.stop();
    this.models.stop();
    this.lists.stop();
    this.clock.stop();
    await this.probes.close();
    await Promise.all(
      [this.observations, this.queue, this.feed, this.limits, this.listings].map((store) => store.close()),
    );
  }
}
