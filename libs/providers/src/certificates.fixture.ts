import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key and its certificate, as a server of node:https takes them. */
interface ServerCertificate {
  key: Buffer;
  cert: Buffer;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let known: { ca: Buffer; serverFor: (host: string) => ServerCertificate } | undefined;

/** An authority of this process' own, and certificates that it signs. Made once. */
export function certificates(): NonNullable<typeof known> {
  if (!hasOpenssl()) return { ca: Buffer.alloc(0), serverFor: () => ({ key: Buffer.alloc(0), cert: Buffer.alloc(0) }) };
  if (known) return known;
  const made = new Map<string, ServerCertificate>();
  const authority = inFolder((folder) => {
    makeAuthority(folder);
    return { key: readFileSync(join(folder, 'ca.key')), cert: readFileSync(join(folder, 'ca.pem')) };
  });
  const serverFor = (host: string) => {
    const certificate = made.get(host) ?? signFor(host, authority);
    made.set(host, certificate);
    return certificate;
  };
  return (known = { ca: authority.cert, serverFor });
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes'];

function makeAuthority(folder: string): void {
  const files = ['-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.pem')];
  openssl('req', '-x509', ...NEW_KEY, '-days', '1', '-subj', '/CN=an authority', ...files);
}

function signFor(host: string, authority: ServerCertificate): ServerCertificate {
  return inFolder((folder) => {
    const at = (name: string) => join(folder, name);
    writeFileSync(at('ca.key'), authority.key);
    writeFileSync(at('ca.pem'), authority.cert);
    writeFileSync(at('names'), `subjectAltName=DNS:${host}\n`);
    openssl('req', ...NEW_KEY, '-subj', `/CN=${host}`, '-keyout', at('key'), '-out', at('request'));
    const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')];
    openssl('x509', '-req', '-in', at('request'), '-days', '1', '-out', at('cert'), ...signed);
    return { key: readFileSync(at('key')), cert: readFileSync(at('cert')) };
  });
}

const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' });

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-tls-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
