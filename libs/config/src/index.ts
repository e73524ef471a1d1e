export * from './config-error.js';
export { loadConfig, parseConfig } from './load-config.js';
export { configEnv, parseEnv, redisEnv, serviceEnv } from './parse-env.js';
export * from './scalars.js';
export { canReplace } from './operation-problems.js';
export {
  AUTO_MODEL,
  type ProviderConfig,
  type RouteConfig,
  type TargetConfig,
  type UnderstudyConfig,
} from './understudy-config.js';
