import {
  ConfigError,
  configEnv,
  loadConfig,
  parseEnv,
  redisEnv,
  serviceEnv,
  type UnderstudyConfig,
} from '#libs/config';
import { z } from 'zod';

/** Shorter keys could be guessed over the network. */
const MIN_KEY_LENGTH = 16;

const shape = {
  ...redisEnv,
  ...serviceEnv(4000),
  ...configEnv,
  /** Keys of which a caller must present one, separated by commas. Without any, the door is open. */
  GATEWAY_API_KEYS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((key) => key.trim())
        .filter(Boolean),
    )
    .refine((keys) => keys.every((key) => key.length >= MIN_KEY_LENGTH), {
      error: `holds a key of fewer than ${MIN_KEY_LENGTH} characters; make longer ones, for example with: openssl rand -hex 24`,
    }),
};

export type GatewayEnv = z.output<z.ZodObject<typeof shape>>;

/**
 * The gateway's variables.
 * @throws ConfigError that lists every wrong variable, or that the door would be open to the network without a key
 */
export function gatewayEnv(env: Readonly<Record<string, string | undefined>> = process.env): GatewayEnv {
  const parsed = parseEnv(shape, env);
  if (!isLoopback(parsed.HOST) && parsed.GATEWAY_API_KEYS.length === 0)
    throw new ConfigError('environment', [
      {
        path: 'GATEWAY_API_KEYS',
        message: `is not set, but HOST=${parsed.HOST} lets other machines in: whoever reaches the port could spend your money. Set keys, separated by commas, or HOST=127.0.0.1`,
      },
    ]);
  return parsed;
}

/**
 * The gateway's variables, and the configuration file that one of them names.
 * @throws ConfigError that lists everything that is wrong
 */
export function readGatewaySettings(): { env: GatewayEnv; config: UnderstudyConfig } {
  const env = gatewayEnv();
  return { env, config: loadConfig(env.UNDERSTUDY_CONFIG, process.env) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
