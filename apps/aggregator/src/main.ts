import 'reflect-metadata';
import { redisKeys } from '#libs/contracts';
import { bootService, runService } from '#libs/service';
import { AggregatorModule } from './aggregator.module.js';
import { readAggregatorConfig, readAggregatorEnv } from './aggregator.env.js';

await bootService(async () => {
  const env = readAggregatorEnv();
  await runService({
    name: 'aggregator',
    env,
    redis: { url: env.REDIS_URL, key: redisKeys(env.UNDERSTUDY_PREFIX).check },
    module: AggregatorModule.forRoot(env, readAggregatorConfig(env)),
  });
});
