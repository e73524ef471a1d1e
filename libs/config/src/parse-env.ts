import { parseRedisUrl, readPem } from '#libs/redis';
import { z } from 'zod';
import { ConfigError } from './config-error.js';
import { milliseconds, port } from './scalars.js';
import { problemsOf } from './zod-problems.js';

/** Used when `UNDERSTUDY_PREFIX` is not set. */
const DEFAULT_PREFIX = '{understudy}';

/** Lets a value pass that `read` takes; else its error is the problem. */
const passes = (read: (value: string) => unknown) => (context: z.core.ParsePayload<string>) => {
  try {
    read(context.value);
  } catch (error) {
    context.issues.push({ code: 'custom', message: (error as Error).message, input: undefined });
  }
};

/** A file for TLS to Redis. Connections read it by themselves; here it is only looked at, so that a mistake is told at the start. */
const pemFile = (variable: string) =>
  z
    .string()
    .check(passes((file) => readPem(variable, file)))
    .optional();

/** Where Redis is, and under which keys this installation lives. */
export const redisEnv = {
  REDIS_URL: z.string().check(passes(parseRedisUrl)).default('redis://127.0.0.1:6379'),
  REDIS_TLS_CA: pemFile('REDIS_TLS_CA'),
  REDIS_TLS_CERT: pemFile('REDIS_TLS_CERT'),
  REDIS_TLS_KEY: pemFile('REDIS_TLS_KEY'),
  UNDERSTUDY_PREFIX: z
    .string()
    .regex(/^\{[\w.-]+\}$/, 'must be one hash tag, such as {understudy}, so that all keys lie on one cluster node')
    .default(DEFAULT_PREFIX),
};

/** Where a service listens, and how it stops. */
export const serviceEnv = (defaultPort: number) => ({
  /** Loopback unless told otherwise. */
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: port().default(defaultPort),
  /** After SIGTERM, how long work in hand may take before the process ends anyway. */
  SHUTDOWN_DEADLINE_MS: milliseconds(100, 600_000).default(10_000),
});

/** Which configuration file to read. */
export const configEnv = { UNDERSTUDY_CONFIG: z.string().min(1).default('understudy.yaml') };

/**
 * Reads the variables of `shape` from an environment; others are ignored, an empty one counts as not set.
 * @throws ConfigError that lists every wrong variable
 */
export function parseEnv<T extends z.ZodRawShape>(
  shape: T,
  env: Readonly<Record<string, string | undefined>> = process.env,
): z.output<z.ZodObject<T>> {
  const set = Object.fromEntries(Object.keys(shape).map((name) => [name, env[name] === '' ? undefined : env[name]]));
  const parsed = z.object(shape).safeParse(set);
  if (!parsed.success) throw new ConfigError('environment', problemsOf(parsed.error));
  return parsed.data;
}
