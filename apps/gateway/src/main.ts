import { redisKeys } from '#libs/contracts';
import { bootService, runService } from '#libs/service';
import { readGatewaySettings } from './gateway.env.js';
import { GatewayModule } from './gateway.module.js';
import { leaveBodiesAlone } from './leave-bodies-alone.js';

await bootService(async () => {
  const { env, config } = readGatewaySettings();
  await runService({
    name: 'gateway',
    env,
    redis: { url: env.REDIS_URL, key: redisKeys(env.UNDERSTUDY_PREFIX).check },
    module: GatewayModule.forRoot({ env, config }),
    configure: leaveBodiesAlone,
  });
});
