import { Module, RequestMethod, type DynamicModule, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { UnderstudyModule } from '#libs/client/nest';
import type { UnderstudyConfig } from '#libs/config';
import { ERROR_CODES } from '#libs/contracts';
import { LOGGER } from '#libs/service';
import { type Logger, RefusalMetrics, Registry, StreamMetrics } from '#libs/telemetry';
import { API_KEYS, ApiKeyMiddleware } from './api-key.middleware.js';
import { CallersService } from './callers.service.js';
import { ChatStreamService } from './chat-stream.service.js';
import { ChatController } from './chat.controller.js';
import { EmbeddingsController } from './embeddings.controller.js';
import type { GatewayEnv } from './gateway.env.js';
import { JobsController } from './jobs.controller.js';
import { HealthController } from './health.controller.js';
import { JsonBodyMiddleware, MAX_BODY_BYTES } from './json-body.middleware.js';
import { ModelsController } from './models.controller.js';
import { CONFIG, ModelsService } from './models.service.js';
import { OpenAiErrorFilter } from './openai-error.filter.js';
import { QueueWatchService } from './queue-watch.service.js';
import { ServerSpanMiddleware } from './server-span.middleware.js';
import { StalledCallersMiddleware } from './stalled-callers.middleware.js';

/** Routes that take a request for a completion or for embeddings. */
const MAKERS_OF_JOBS = ['v1/chat/completions', 'v1/embeddings', 'v1/jobs'];

/** The door for everything that speaks HTTP: OpenAI's API in front of the queue. */
@Module({})
export class GatewayModule implements NestModule {
  static forRoot({
    env,
    config,
  }: {
    env: Pick<GatewayEnv, 'REDIS_URL' | 'UNDERSTUDY_PREFIX' | 'GATEWAY_API_KEYS'>;
    config: UnderstudyConfig;
  }): DynamicModule {
    const { maxRequestBytes, maxWaiting, deadlineMs: defaultDeadlineMs, resultTtlMs } = config.jobs;
    const location = { redisUrl: env.REDIS_URL, prefix: env.UNDERSTUDY_PREFIX };
    return {
      module: GatewayModule,
      imports: [UnderstudyModule.forRoot({ ...location, maxRequestBytes, maxWaiting, defaultDeadlineMs, resultTtlMs })],
      controllers: [ChatController, EmbeddingsController, JobsController, ModelsController, HealthController],
      providers: [
        ModelsService,
        QueueWatchService,
        CallersService,
        ChatStreamService,
        {
          provide: StreamMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) => new StreamMetrics(registry, { deliveries: ['live', 'whole'] }),
        },
        { provide: CONFIG, useValue: config },
        { provide: API_KEYS, useValue: env.GATEWAY_API_KEYS },
        { provide: MAX_BODY_BYTES, useValue: maxRequestBytes },
        {
          provide: APP_FILTER,
          useFactory: (logger: Logger, registry: Registry) =>
            new OpenAiErrorFilter(new RefusalMetrics(registry, ERROR_CODES), (error) =>
              logger.error({ event: 'gateway.failed', err: error }, 'a request failed unexpectedly'),
            ),
          inject: [LOGGER, Registry],
        },
      ],
    };
  }

  /** In this order: what is turned away without a key is traced, but its body is not read. */
  configure(consumer: MiddlewareConsumer): void {
    const makers = MAKERS_OF_JOBS.map((path) => ({ path, method: RequestMethod.POST }));
    consumer.apply(ServerSpanMiddleware).forRoutes(...makers);
    consumer.apply(StalledCallersMiddleware, ApiKeyMiddleware).forRoutes('v1/*path');
    consumer.apply(JsonBodyMiddleware).forRoutes(...makers);
  }
}
