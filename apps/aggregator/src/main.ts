import 'reflect-metadata';
import { bootService, runService } from '#libs/service';
import { AggregatorModule } from './aggregator.module.js';
import { readAggregatorConfig, readAggregatorEnv } from './aggregator.env.js';

await bootService(async () => {
  const env = readAggregatorEnv();
  await runService({ name: 'aggregator', env, module: AggregatorModule.forRoot(env, readAggregatorConfig(env)) });
});
