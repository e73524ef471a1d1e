import { readFileSync } from 'node:fs';

/** Variables that name PEM files for a `rediss` URL. */
export const REDIS_TLS_VARIABLES = {
  /** Authorities to trust instead of the well-known ones. */
  ca: 'REDIS_TLS_CA',
  /** Our own certificate, where the server asks for one… */
  cert: 'REDIS_TLS_CERT',
  /** …and its key. */
  key: 'REDIS_TLS_KEY',
} as const;

/** What TLS to Redis uses. The server's certificate is always checked. */
export type RedisTls = Partial<Record<keyof typeof REDIS_TLS_VARIABLES, Buffer>>;

/** A file that a variable names cannot be used. */
export class RedisTlsError extends Error {
  override readonly name = 'RedisTlsError';
  readonly code = 'redis_tls_invalid';
}

/**
 * Reads the files that the environment names, at every connection: who constructs one need not hand them through.
 * @throws RedisTlsError that names the variable
 */
export function readRedisTls(env: Readonly<Record<string, string | undefined>> = process.env): RedisTls {
  const tls: RedisTls = {};
  for (const [part, variable] of Object.entries(REDIS_TLS_VARIABLES)) {
    const file = env[variable];
    if (file) tls[part as keyof RedisTls] = readPem(variable, file);
  }
  if (!tls.cert !== !tls.key)
    throw new RedisTlsError('REDIS_TLS_CERT and REDIS_TLS_KEY go together: set both, or none');
  return tls;
}

/**
 * Reads a PEM file.
 * @throws RedisTlsError that names the variable
 */
export function readPem(variable: string, file: string): Buffer {
  let text: Buffer;
  try {
    text = readFileSync(file);
  } catch (error) {
    throw new RedisTlsError(`${variable} names ${file}, which cannot be read: ${(error as Error).message}`);
  }
  if (!text.includes('-----BEGIN ')) throw new RedisTlsError(`${variable} names ${file}, which is not a PEM file`);
  return text;
}
