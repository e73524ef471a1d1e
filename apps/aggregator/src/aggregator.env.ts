import { z } from 'zod';
import { configEnv, loadConfig, parseEnv, redisEnv, serviceEnv, type UnderstudyConfig } from '#libs/config';

/**
 * The aggregator's variables.
 * @throws ConfigError that lists every wrong one
 */
export const readAggregatorEnv = () => parseEnv({ ...redisEnv, ...serviceEnv(4001), ...configEnv, ...adminEnv });

const adminEnv = {
  /** Bearer token of the doors that change something. Without it they are open on loopback, and shut elsewhere. */
  UNDERSTUDY_ADMIN_KEY: z
    .string()
    .min(16, 'has fewer than 16 characters; make a longer one, for example with: openssl rand -hex 24')
    .optional(),
};

export type AggregatorEnv = ReturnType<typeof readAggregatorEnv>;

/**
 * The configuration file that UNDERSTUDY_CONFIG names, with its references to the environment resolved.
 * @throws ConfigError that lists every problem
 */
export const readAggregatorConfig = ({ UNDERSTUDY_CONFIG }: AggregatorEnv): UnderstudyConfig =>
  loadConfig(UNDERSTUDY_CONFIG);
