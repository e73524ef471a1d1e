import { configEnv, loadConfig, parseEnv, redisEnv, serviceEnv, type UnderstudyConfig } from '#libs/config';

/**
 * The aggregator's variables.
 * @throws ConfigError that lists every wrong one
 */
export const readAggregatorEnv = () => parseEnv({ ...redisEnv, ...serviceEnv(4001), ...configEnv });

export type AggregatorEnv = ReturnType<typeof readAggregatorEnv>;

/**
 * The configuration file that UNDERSTUDY_CONFIG names, with its references to the environment resolved.
 * @throws ConfigError that lists every problem
 */
export const readAggregatorConfig = ({ UNDERSTUDY_CONFIG }: AggregatorEnv): UnderstudyConfig =>
  loadConfig(UNDERSTUDY_CONFIG);
