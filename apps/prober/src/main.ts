import { redisKeys } from '#libs/contracts';
import { BullServer, QueueTelemetry, stopPatience } from '#libs/queue';
import { redisAddress } from '#libs/redis';
import { bootService, LOGGER, runService } from '#libs/service';
import type { Logger } from '#libs/telemetry';
import { ProberModule } from './prober.module.js';
import { readProberSettings } from './prober.env.js';

await bootService(async () => {
  const { env, config } = readProberSettings();
  await runService({
    name: 'prober',
    env,
    redis: { url: env.REDIS_URL, key: redisKeys(env.UNDERSTUDY_PREFIX).check },
    module: ProberModule.forRoot({ env, config }),
    strategies: (app) => {
      const logger = app.get<Logger>(LOGGER);
      return [
        new BullServer({
          redisUrl: env.REDIS_URL,
          prefix: env.UNDERSTUDY_PREFIX,
          telemetry: new QueueTelemetry({ server: redisAddress(env.REDIS_URL) }),
          onError: (error) => logger.warn({ event: 'queue.error', reason: error.message }),
          patience: stopPatience(env.SHUTDOWN_DEADLINE_MS),
        }),
      ];
    },
  });
});
