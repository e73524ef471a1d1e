/** One server named by a Redis URL. */
export interface RedisNode {
  host: string;
  port: number;
}

/** What a Redis URL says. */
export interface RedisLocation {
  /** One server, a cluster, or a master that Sentinels know. */
  kind: 'single' | 'cluster' | 'sentinel';
  tls: boolean;
  /** The server; some nodes of the cluster; the Sentinels. At least one. */
  nodes: RedisNode[];
  /** Name of the master, as the Sentinels call it; with `sentinel` only. */
  master: string | undefined;
  username: string | undefined;
  password: string | undefined;
  /** Of the Sentinels themselves, when they ask for one. */
  sentinelPassword: string | undefined;
  /** Number of the database; always 0 in a cluster. */
  db: number;
}

/** The URL does not say where Redis is. Carries no part of the URL: there may be a password in it. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
  readonly code = 'redis_url_invalid';
}

/** Every form that is understood, for messages. With TLS each begins with `rediss`. */
export const REDIS_URL_FORMS =
  'redis://[user:password@]host[:port][/db], redis+cluster://[user:password@]host:port,host:port or ' +
  'redis+sentinel://[user:password@]host:port,host:port/master (rediss://, rediss+cluster:// and rediss+sentinel:// with TLS)';

const SHAPE = /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const DEFAULT_PORT = 6379;
const SENTINEL_PORT = 26_379;

/**
 * Reads a Redis URL. User name, password and master are percent-decoded.
 * @throws RedisUrlError that says what is wrong and shows the forms
 */
export function parseRedisUrl(url: string): RedisLocation {
  const [, scheme, form, credentials, hosts = '', path = '', query = ''] =
    SHAPE.exec(url) ?? refuse('is not a Redis URL');
  const kind = (form as 'cluster' | 'sentinel' | undefined) ?? 'single';
  const nodes = hosts.split(',').map((host) => parseNode(host, kind === 'sentinel' ? SENTINEL_PORT : DEFAULT_PORT));
  if (kind === 'single' && nodes.length > 1) refuse('names several hosts, which only a cluster or Sentinels have');
  const [username, password] = parseCredentials(credentials);
  const [master, db] = kind === 'sentinel' ? splitOnce(path, '/') : [undefined, path];
  if (kind === 'sentinel' && !master) refuse("lacks the master's name after the Sentinels");
  return {
    kind,
    tls: scheme === 'rediss',
    nodes,
    master: master === undefined ? undefined : decode(master),
    username,
    password,
    sentinelPassword: new URLSearchParams(query).get('sentinelPassword') ?? undefined,
    db: parseDb(db ?? '', kind),
  };
}

function parseNode(text: string, defaultPort: number): RedisNode {
  const [, v6, name, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]*))(?::(\d+))?$/.exec(text) ?? refuse('has a host that cannot be read');
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port < 1 || port > 65_535) refuse('has a port that is not between 1 and 65535');
  return { host: v6 || name || '127.0.0.1', port };
}

function parseCredentials(text: string | undefined): [username: string | undefined, password: string | undefined] {
  if (!text) return [undefined, undefined];
  const [username, password] = splitOnce(text, ':');
  return [username === '' ? undefined : decode(username), password === undefined ? undefined : decode(password)];
}

function parseDb(text: string, kind: RedisLocation['kind']): number {
  if (text === '') return 0;
  if (!/^\d{1,4}$/.test(text)) refuse('has a database that is not a number');
  if (kind === 'cluster' && Number(text) !== 0) refuse('has a database, which a cluster does not know');
  return Number(text);
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('has a % that is not the beginning of an escape; write % itself as %25');
  }
}

function refuse(problem: string): never {
  throw new RedisUrlError(`${problem}; write ${REDIS_URL_FORMS}. Special characters in a password are percent-encoded`);
}
