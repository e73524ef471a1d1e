import { type DynamicModule, Module } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { QUEUES } from '#libs/contracts';
import { FAILURE_CLASSES } from '#libs/health-core';
import {
  ABANDON_REASONS,
  CancelFeed,
  ChunkWriter,
  CompletionQueue,
  JobAging,
  ModelCatalog,
  ParkingLot,
  ResultStore,
} from '#libs/queue';
import { ClockOnDemand, FleetClock } from '#libs/redis';
import { logMendedKeys } from '#libs/service';
import { LIMIT_KINDS, ObservationWriter, SnapshotFeed, TargetLimits } from '#libs/store';
import {
  AnswerMetrics,
  ChunkMetrics,
  CommitMetrics,
  LimitMetrics,
  DeadLetterMetrics,
  ParkingMetrics,
  QueueMetrics,
  Registry,
  RoutingMetrics,
  SnapshotMetrics,
} from '#libs/telemetry';
import { AgingService } from './aging.service.js';
import { AttemptService } from './attempt.service.js';
import { CancellationService } from './cancellation.service.js';
import { CatalogAnnouncerService } from './catalog-announcer.service.js';
import { ChunksService } from './chunks.service.js';
import { CompletionProcessor } from './completion.processor.js';
import { CompletionService } from './completion.service.js';
import { ConnectionsService } from './connections.service.js';
import { DecisionService } from './decision.service.js';
import { HealthViewService } from './health-view.service.js';
import { OutcomeService } from './outcome.service.js';
import { ParkingService } from './parking.service.js';
import { RouteService } from './route.service.js';
import { RouterStatusController } from './router-status.controller.js';
import type { RouterEnv } from './router.env.js';
import { ROUTER_CONFIG } from './router.tokens.js';
import { TargetCallsService } from './target-calls.service.js';
import { TargetLimitsService } from './target-limits.service.js';
import { WaitingService } from './waiting.service.js';
import { WakerService } from './waker.service.js';

@Module({})
export class RouterModule {
  static forRoot(env: RouterEnv, config: UnderstudyConfig): DynamicModule {
    const redis = { redisUrl: env.REDIS_URL, prefix: env.UNDERSTUDY_PREFIX };
    return {
      module: RouterModule,
      controllers: [CompletionProcessor, RouterStatusController],
      providers: [
        { provide: ROUTER_CONFIG, useValue: config },
        { provide: ResultStore, useFactory: () => new ResultStore({ ...redis, ttlMs: config.jobs.resultTtlMs }) },
        { provide: ModelCatalog, useFactory: () => new ModelCatalog(redis) },
        {
          provide: ChunkMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) => new ChunkMetrics(registry, { reasons: ABANDON_REASONS }),
        },
        {
          provide: ChunkWriter,
          inject: [ChunkMetrics],
          useFactory: (metrics: ChunkMetrics) =>
            new ChunkWriter({ ...redis, onAbandoned: (reason) => metrics.abandoned(reason) }),
        },
        { provide: SnapshotFeed, useFactory: () => new SnapshotFeed(redis) },
        {
          provide: ObservationWriter,
          useFactory: () =>
            new ObservationWriter({ ...redis, reporter: 'router', onMended: logMendedKeys('observations') }),
        },
        { provide: CompletionQueue, useFactory: () => new CompletionQueue(redis) },
        { provide: JobAging, useFactory: () => new JobAging(QUEUES.completion, redis) },
        {
          provide: ParkingLot,
          useFactory: () => new ParkingLot(QUEUES.completion, { ...redis, onMended: logMendedKeys('parking') }),
        },
        { provide: CancelFeed, useFactory: () => new CancelFeed(redis) },
        {
          provide: ClockOnDemand,
          inject: [CompletionQueue],
          useFactory: (queue: CompletionQueue) => new ClockOnDemand(new FleetClock(() => queue.timeMs())),
        },
        { provide: TargetCallsService, useFactory: () => new TargetCallsService(config) },
        {
          provide: RoutingMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) =>
            new RoutingMetrics(registry, {
              models: config.targets.map((target) => target.model),
              queues: [QUEUES.completion],
              errorTypes: FAILURE_CLASSES,
            }),
        },
        {
          provide: AnswerMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) =>
            new AnswerMetrics(registry, { models: config.targets.map((target) => target.model) }),
        },
        { provide: TargetLimits, useFactory: () => new TargetLimits({ ...redis, onMended: logMendedKeys('limits') }) },
        {
          provide: LimitMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) =>
            new LimitMetrics(registry, {
              models: config.targets.filter(({ limits }) => limits).map(({ model }) => model),
              kinds: LIMIT_KINDS,
            }),
        },
        {
          provide: DeadLetterMetrics,
          inject: [Registry, CompletionQueue],
          useFactory: (registry: Registry, queue: CompletionQueue) =>
            new DeadLetterMetrics(registry, async () => (await queue.counts())['failed'] ?? 0),
        },
        {
          provide: CommitMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) => new CommitMetrics(registry),
        },
        {
          provide: QueueMetrics,
          inject: [Registry, CompletionQueue],
          useFactory: (registry: Registry, queue: CompletionQueue) =>
            new QueueMetrics(registry, { [QUEUES.completion]: () => queue.counts() }),
        },
        {
          provide: ParkingMetrics,
          inject: [Registry, ParkingLot],
          useFactory: (registry: Registry, lot: ParkingLot) =>
            new ParkingMetrics(registry, QUEUES.completion, () => lot.count()),
        },
        {
          provide: SnapshotMetrics,
          inject: [Registry, HealthViewService],
          useFactory: (registry: Registry, health: HealthViewService) =>
            new SnapshotMetrics(registry, () => health.ageMs()),
        },
        AgingService,
        HealthViewService,
        DecisionService,
        AttemptService,
        TargetLimitsService,
        CatalogAnnouncerService,
        ChunksService,
        ConnectionsService,
        ParkingService,
        WaitingService,
        RouteService,
        OutcomeService,
        CancellationService,
        CompletionService,
        WakerService,
      ],
    };
  }
}
