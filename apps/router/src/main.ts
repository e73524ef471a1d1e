import 'reflect-metadata';
import { loadConfig } from '#libs/config';
import { redisKeys } from '#libs/contracts';
import { BullServer, QueueTelemetry, stopPatience } from '#libs/queue';
import { redisAddress } from '#libs/redis';
import { bootService, LOGGER, runService } from '#libs/service';
import type { Logger } from '#libs/telemetry';
import { readRouterEnv } from './router.env.js';
import { RouterModule } from './router.module.js';

await bootService(async () => {
  const env = readRouterEnv();
  const config = loadConfig(env.UNDERSTUDY_CONFIG);
  await runService({
    name: 'router',
    env,
    redis: { url: env.REDIS_URL, key: redisKeys(env.UNDERSTUDY_PREFIX).check },
    module: RouterModule.forRoot(env, config),
    strategies: (app) => [
      new BullServer({
        redisUrl: env.REDIS_URL,
        prefix: env.UNDERSTUDY_PREFIX,
        telemetry: new QueueTelemetry({ server: redisAddress(env.REDIS_URL) }),
        patience: stopPatience(env.SHUTDOWN_DEADLINE_MS),
        takeoverMs: config.jobs.takeoverMs,
        worker: {
          concurrency: env.ROUTER_CONCURRENCY,
          removeOnFail: { count: config.jobs.maxFailed, age: config.jobs.failedTtlMs / 1_000 },
        },
        onError: (error) => app.get<Logger>(LOGGER).warn({ event: 'queue.error', reason: error.message }),
      }),
    ],
  });
});
