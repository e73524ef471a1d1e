import { Module, type DynamicModule } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { ProbeQueue, QueueTelemetry } from '#libs/queue';
import { LOGGER, logMendedKeys, Readiness } from '#libs/service';
import { ModelListings, ObservationWriter, SnapshotFeed, TargetLimits } from '#libs/store';
import { ModelListMetrics, ProbeMetrics, Registry, type Logger } from '#libs/telemetry';
import { ClockSync, FleetClock } from '#libs/redis';
import { ModelListService } from './model-list.service.js';
import { ModelWatchService } from './model-watch.service.js';
import { SnapshotPace } from './probe-pace.js';
import { ProbeScheduleService } from './probe-schedule.service.js';
import { ProbeProcessor } from './probe.processor.js';
import { ProbeService } from './probe.service.js';
import { ProberLifecycle } from './prober-lifecycle.service.js';
import type { ProberEnv } from './prober.env.js';

/** Asks each target, on a schedule that all probers share, whether it is well. */
@Module({})
export class ProberModule {
  static forRoot({
    env,
    config,
  }: {
    env: Pick<ProberEnv, 'REDIS_URL' | 'UNDERSTUDY_PREFIX'>;
    config: UnderstudyConfig;
  }): DynamicModule {
    const location = { redisUrl: env.REDIS_URL, prefix: env.UNDERSTUDY_PREFIX };
    return {
      module: ProberModule,
      controllers: [ProbeProcessor],
      providers: [
        { provide: ProbeQueue, useFactory: () => new ProbeQueue({ ...location, telemetry: new QueueTelemetry() }) },
        {
          provide: ObservationWriter,
          useFactory: () =>
            new ObservationWriter({ ...location, reporter: 'prober', onMended: logMendedKeys('observations') }),
        },
        { provide: SnapshotFeed, useFactory: () => new SnapshotFeed(location) },
        { provide: ModelListings, useFactory: () => new ModelListings(location) },
        {
          provide: TargetLimits,
          useFactory: () => new TargetLimits({ ...location, onMended: logMendedKeys('limits') }),
        },
        {
          provide: SnapshotPace,
          useFactory: (feed: SnapshotFeed) => new SnapshotPace(config, feed),
          inject: [SnapshotFeed],
        },
        {
          provide: ProbeMetrics,
          useFactory: (registry: Registry) =>
            new ProbeMetrics(registry, { models: config.targets.map(({ model }) => model) }),
          inject: [Registry],
        },
        {
          provide: FleetClock,
          useFactory: (queue: ProbeQueue) => new FleetClock(() => queue.timeMs()),
          inject: [ProbeQueue],
        },
        {
          provide: ProbeScheduleService,
          useFactory: (clock: FleetClock, queue: ProbeQueue, logger: Logger, pace: SnapshotPace) =>
            new ProbeScheduleService(config, clock, queue, logger, pace),
          inject: [FleetClock, ProbeQueue, LOGGER, SnapshotPace],
        },
        {
          provide: ProbeService,
          useFactory: (
            clock: FleetClock,
            writer: ObservationWriter,
            metrics: ProbeMetrics,
            logger: Logger,
            pace: SnapshotPace,
            limits: TargetLimits,
          ) => new ProbeService(config, clock, writer, metrics, logger, pace, limits),
          inject: [FleetClock, ObservationWriter, ProbeMetrics, LOGGER, SnapshotPace, TargetLimits],
        },
        {
          provide: ModelListMetrics,
          useFactory: (registry: Registry) => new ModelListMetrics(registry, Object.keys(config.providers)),
          inject: [Registry],
        },
        {
          provide: ModelListService,
          useFactory: (listings: ModelListings, clock: FleetClock, metrics: ModelListMetrics, logger: Logger) =>
            new ModelListService(listings, clock, metrics, logger),
          inject: [ModelListings, FleetClock, ModelListMetrics, LOGGER],
        },
        {
          provide: ModelWatchService,
          useFactory: (clock: FleetClock, listings: ModelListings, lists: ModelListService, logger: Logger) =>
            new ModelWatchService(config, clock, listings, lists, logger),
          inject: [FleetClock, ModelListings, ModelListService, LOGGER],
        },
        {
          provide: ClockSync,
          useFactory: (
            clock: FleetClock,
            readiness: Readiness,
            schedule: ProbeScheduleService,
            models: ModelWatchService,
          ) =>
            new ClockSync(clock, readiness.require('redis'), () => {
              schedule.start();
              models.start();
            }),
          inject: [FleetClock, Readiness, ProbeScheduleService, ModelWatchService],
        },
        ProberLifecycle,
      ],
    };
  }
}
