import { configEnv, parseEnv, redisEnv, serviceEnv, wholeNumber } from '#libs/config';

/** The router's environment. */
export const readRouterEnv = () =>
  parseEnv({
    ...redisEnv,
    ...configEnv,
    ...serviceEnv(4002),
    /** Jobs in hand at once. Nearly all of their time is waiting for a provider. */
    ROUTER_CONCURRENCY: wholeNumber(1, 10_000).default(200),
  });

export type RouterEnv = ReturnType<typeof readRouterEnv>;
