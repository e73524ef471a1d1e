import { configEnv, loadConfig, parseEnv, redisEnv, serviceEnv, type UnderstudyConfig } from '#libs/config';

/** The prober's variables. */
export type ProberEnv = ReturnType<typeof readEnv>;

/**
 * The prober's variables, and the configuration file that one of them names.
 * @throws ConfigError that lists everything that is wrong
 */
export function readProberSettings(): { env: ProberEnv; config: UnderstudyConfig } {
  const env = readEnv();
  return { env, config: loadConfig(env.UNDERSTUDY_CONFIG, process.env) };
}

const readEnv = () => parseEnv({ ...redisEnv, ...serviceEnv(4003), ...configEnv });
