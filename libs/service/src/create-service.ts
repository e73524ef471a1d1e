import type { Server } from 'node:http';
import { RedisWatch } from '#libs/redis';
import { createLogger, NestLogger, type Logger } from '#libs/telemetry';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { listen, prepareDrain } from './http-listener.js';
import { logReadiness } from './readiness-log.js';
import { Readiness } from './readiness.js';
import { ServiceModule } from './service.module.js';

/** The part of a service's environment that serviceEnv() of #libs/config describes. */
export interface ServiceEnv {
  HOST: string;
  PORT: number;
  SHUTDOWN_DEADLINE_MS: number;
}

export interface ServiceOptions {
  /** `router`, `gateway`, …: appears in logs and traces. */
  name: string;
  env: ServiceEnv;
  /** The app. It finds the providers of ServiceModule without importing it. */
  module: Type | DynamicModule;
  /** Servers of message handlers. Their close() lets work in hand end. */
  strategies?: (app: NestExpressApplication) => CustomTransportStrategy[];
  /** Settings that only the application object has, such as the size limit of bodies. Called before anything listens. */
  configure?: (app: NestExpressApplication) => void;
  /** A Redis without which the service is not ready, and a key of ours in it that may be written. */
  redis?: { url: string; key: string };
  /** Default: createLogger({ name }). */
  logger?: Logger;
}

/** A service in this process. It knows nothing of signals and process ends; runService adds them. */
export interface Service {
  readonly app: NestExpressApplication;
  readonly logger: Logger;
  /**
   * Listens, then starts the message handlers, so that `/live` answers while they wait for Redis.
   * @returns the URL of the service
   * @throws StartError when HOST and PORT cannot be listened on; an AbortError when stop() came first
   */
  start(): Promise<string>;
  /**
   * Stops in this order: `/ready` says no; no new work is taken and work in hand ends; then modules are destroyed, which
   * may close what that work needed. Has no deadline of its own. A second call waits for the first.
   * @throws what a strategy throws when it closes; what a module throws is logged by Nest
   */
  stop(): Promise<void>;
}

@Module({})
class RootModule {}

/**
 * Builds a service without starting it.
 * @throws what constructing the app's providers throws
 */
export async function createService(options: ServiceOptions): Promise<Service> {
  const { name, env, module, strategies, configure, redis, logger = createLogger({ name }) } = options;
  const root: DynamicModule = { module: RootModule, imports: [ServiceModule.forRoot({ name, logger }), module] };
  const app = await NestFactory.create<NestExpressApplication>(root, {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  const readiness = app.get(Readiness);
  const started = readiness.require('message handlers');
  const watch = redis && new RedisWatch(redis, readiness.require('redis'), (problem) => logRedis(logger, problem));
  const server: Server = app.getHttpServer();
  const drain = prepareDrain(server);
  const transports = (strategies?.(app) ?? []).map(closedOnce);
  let stopped: Promise<void> | undefined;

  async function start(): Promise<string> {
    app.disable('x-powered-by');
    configure?.(app);
    for (const strategy of transports) app.connectMicroservice({ strategy });
    await app.init();
    readiness.stopping.throwIfAborted();
    const url = await listen(server, env.HOST, env.PORT);
    logReadiness(readiness, logger, url);
    watch?.start();
    await app.startAllMicroservices();
    started.met();
    return url;
  }

  async function stop(): Promise<void> {
    readiness.beginStop();
    // Nest would run onModuleDestroy first, and take the connections away from jobs and requests in hand.
    await Promise.allSettled([drain(), ...transports.map(async (strategy) => strategy.close())]);
    await Promise.all([app.close(), watch?.stop()]);
  }

  return { app, logger, start, stop: () => (stopped ??= stop()) };
}

/** Nest closes each strategy again when the app closes. */
function closedOnce(strategy: CustomTransportStrategy): CustomTransportStrategy {
  const close = strategy.close.bind(strategy);
  let closed: Promise<void> | undefined;
  strategy.close = () => (closed ??= (async () => close())());
  return strategy;
}

function logRedis(logger: Logger, problem: string | null): void {
  if (problem === null) logger.info({ event: 'redis.well' }, 'Redis can be worked with again');
  else logger.warn({ event: 'redis.problem', problem }, problem);
}
