import { createLogger, createRegistry, Registry, type Logger } from '#libs/telemetry';
import { Module, type DynamicModule } from '@nestjs/common';
import { MetricsController } from './metrics.controller.js';
import { Readiness } from './readiness.js';
import { ReadinessController } from './readiness.controller.js';

/** Injection token of the service's pino logger: `@Inject(LOGGER) private readonly logger: Logger`. */
export const LOGGER = Symbol('LOGGER');

/**
 * What every service of ours has: a logger, a metrics registry (inject `Registry` of #libs/telemetry), readiness, and the routes
 * `/live`, `/ready` and `/metrics`. Global; runService brings it along. A spec that builds a module by hand imports it.
 */
@Module({})
export class ServiceModule {
  static forRoot({ name, logger }: { name: string; logger?: Logger }): DynamicModule {
    return {
      module: ServiceModule,
      global: true,
      controllers: [ReadinessController, MetricsController],
      providers: [
        Readiness,
        { provide: LOGGER, useFactory: () => logger ?? createLogger({ name }) },
        { provide: Registry, useFactory: createRegistry },
      ],
      exports: [Readiness, LOGGER, Registry],
    };
  }
}
