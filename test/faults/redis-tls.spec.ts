import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from '#libs/processes';
import { closeRedis, connectRedis, readRedisTls, whenReady } from '#libs/redis';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type RunningRedis, startRedis } from '../../tools/redis/start-redis.js';

const openssl = (...args: string[]) => promisify(execFile)('openssl', args);

let folder: string;
let redis: RunningRedis | undefined;
let url: string;
/** Why there is no server with TLS here. */
let without: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-tls-'));
  for (const name of ['ours', 'other']) await makeAuthority(name);
  await makeCertificate('server', 'ours');
  await makeCertificate('client', 'ours');
  const port = await findFreePort();
  url = `rediss://localhost:${port}`;
  try {
    redis = await startRedis({
      settings: {
        'tls-port': String(port),
        'tls-cert-file': join(folder, 'server.crt'),
        'tls-key-file': join(folder, 'server.key'),
        'tls-ca-cert-file': join(folder, 'ours.crt'),
        'tls-auth-clients': 'yes',
      },
      env: { ...process.env, REDIS_URL: undefined },
    });
  } catch (error) {
    if (!/tls/i.test((error as Error).message)) throw error;
    without = 'the Redis program of this machine was built without TLS';
  }
});
afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

async function makeAuthority(name: string): Promise<void> {
  const [key, crt] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    key,
    '-out',
    crt,
  );
}

async function makeCertificate(name: string, authority: string): Promise<void> {
  const file = (end: string) => join(folder, end);
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  await openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    ...subject,
    '-keyout',
    file(`${name}.key`),
    '-out',
    file(`${name}.csr`),
  );
  const signer = ['-CA', file(`${authority}.crt`), '-CAkey', file(`${authority}.key`), '-CAcreateserial'];
  await openssl(
    'x509',
    '-req',
    '-in',
    file(`${name}.csr`),
    ...signer,
    '-days',
    '2',
    '-copy_extensions',
    'copy',
    '-out',
    file(`${name}.crt`),
  );
}

/** Sets the variables to files of the folder, and connects. */
function connect(files: { ca?: string; client?: string }, to = url) {
  if (files.ca) vi.stubEnv('REDIS_TLS_CA', join(folder, `${files.ca}.crt`));
  if (files.client) {
    vi.stubEnv('REDIS_TLS_CERT', join(folder, `${files.client}.crt`));
    vi.stubEnv('REDIS_TLS_KEY', join(folder, `${files.client}.key`));
  }
  const made = connectRedis({ url: to, name: 'tls', patience: 'fail-fast' });
  onTestFinished(() => closeRedis(made));
  return made;
}

describe('rediss://', () => {
  it('works with an authority and a certificate of our own', async ({ skip }) => {
    if (without) skip(without);
    const made = connect({ ca: 'ours', client: 'client' });
    await whenReady(made, 10_000);
    expect(await made.ping()).toBe('PONG');
  });

  it.each([
    ['an authority that is not known', {}, 'REDIS_TLS_CA'],
    ['another authority', { ca: 'other' }, 'REDIS_TLS_CA'],
  ])('refuses %s, and says what to set', async (_name, files, advice) => {
    if (without) return;
    await expect(whenReady(connect(files), 10_000, 100)).rejects.toThrow(advice);
  });

  it('refuses a host that the certificate does not name', async ({ skip }) => {
    if (without) skip(without);
    const made = connect({ ca: 'ours', client: 'client' }, url.replace('localhost', '127.0.0.1'));
    await expect(whenReady(made, 10_000, 100)).rejects.toThrow('a host that it names');
  });
});

describe('the files of TLS', () => {
  it.each([
    ['REDIS_TLS_CA', { REDIS_TLS_CA: '/nowhere.pem' }, 'REDIS_TLS_CA names /nowhere.pem, which cannot be read'],
    ['REDIS_TLS_CA', { REDIS_TLS_CA: import.meta.filename }, 'not a PEM file'],
    ['REDIS_TLS_KEY', { REDIS_TLS_KEY: import.meta.filename }, 'not a PEM file'],
  ])('name %s when it is wrong', (variable, env, problem) => {
    const reading = () => readRedisTls(env);
    expect(reading).toThrow(problem);
    expect(reading).toThrow(variable);
  });

  it('a certificate without its key is refused', async () => {
    vi.stubEnv('REDIS_TLS_CERT', join(folder, 'client.crt'));
    expect(() => readRedisTls()).toThrow('REDIS_TLS_CERT and REDIS_TLS_KEY go together');
  });
});
