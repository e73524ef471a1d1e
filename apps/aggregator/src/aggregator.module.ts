import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { UnderstudyConfig } from '#libs/config';
import { Lease, ModelListings, ModeStore, ObservationReader, SnapshotFeed, SnapshotStore } from '#libs/store';
import { AlertMetrics, HealthMetrics, ModeMetrics, Registry, TargetListingMetrics } from '#libs/telemetry';
import { AggregatorId } from './aggregator-id.js';
import type { AggregatorEnv } from './aggregator.env.js';
import { AGGREGATOR_CONFIG } from './aggregator.tokens.js';
import { HealthEffectsService } from './health-effects.service.js';
import { HealthViewService } from './health-view.service.js';
import { HealthController } from './health.controller.js';
import { ALERT_SOURCE, AlertService, channelNames } from './alert.service.js';
import { ADMIN_DOOR, AdminGuard } from './admin.guard.js';
import { ModelListingService } from './model-listing.service.js';
import { ModeController } from './mode.controller.js';
import { ObservationService } from './observation.service.js';
import { OperatorWord } from './operator-word.js';
import { ProblemFilter } from './problem.filter.js';
import { RoutingWeightsController } from './routing-weights.controller.js';
import { StatusController } from './status.controller.js';

/** Turns observations into health. Runs inside the ServiceModule of #libs/service. */
@Module({})
export class AggregatorModule {
  static forRoot(
    env: Pick<AggregatorEnv, 'REDIS_URL' | 'UNDERSTUDY_PREFIX' | 'HOST' | 'UNDERSTUDY_ADMIN_KEY'>,
    config: UnderstudyConfig,
  ): DynamicModule {
    const options = { redisUrl: env.REDIS_URL, prefix: env.UNDERSTUDY_PREFIX };
    const models = config.targets.map(({ model }) => model);
    const states = ['healthy', 'unhealthy', 'unavailable'];
    return {
      module: AggregatorModule,
      controllers: [HealthController, RoutingWeightsController, StatusController, ModeController],
      providers: [
        { provide: AGGREGATOR_CONFIG, useValue: config },
        { provide: ObservationReader, useFactory: () => new ObservationReader(options) },
        { provide: SnapshotStore, useFactory: () => new SnapshotStore(options) },
        { provide: ModeStore, useFactory: () => new ModeStore(options) },
        { provide: ModelListings, useFactory: () => new ModelListings(options) },
        { provide: ADMIN_DOOR, useValue: { host: env.HOST, key: env.UNDERSTUDY_ADMIN_KEY } },
        AdminGuard,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: SnapshotFeed, useFactory: () => new SnapshotFeed(options) },
        {
          provide: Lease,
          useFactory: ({ value: owner }: AggregatorId) => new Lease({ ...options, owner }),
          inject: [AggregatorId],
        },
        {
          provide: HealthMetrics,
          useFactory: (registry: Registry) => new HealthMetrics(registry, { models, states }),
          inject: [Registry],
        },
        {
          provide: ModeMetrics,
          useFactory: (registry: Registry) => new ModeMetrics(registry, config.modes),
          inject: [Registry],
        },
        {
          provide: TargetListingMetrics,
          useFactory: (registry: Registry) => new TargetListingMetrics(registry),
          inject: [Registry],
        },
        {
          provide: AlertMetrics,
          useFactory: (registry: Registry) => new AlertMetrics(registry, channelNames(config.alerts)),
          inject: [Registry],
        },
        { provide: ALERT_SOURCE, useValue: env.UNDERSTUDY_PREFIX.replace(/^\{(.*)\}$/, '$1') },
        AlertService,
        AggregatorId,
        HealthEffectsService,
        HealthViewService,
        ModelListingService,
        ObservationService,
        OperatorWord,
      ],
    };
  }
}
