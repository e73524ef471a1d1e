/** What Redis says when it refuses, or a connection when it fails, and what to do about it. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/WRONGPASS|invalid password/i, 'the user name or the password in REDIS_URL is wrong'],
  [/NOAUTH/, 'this Redis asks for a password: write it into REDIS_URL, redis://:password@host'],
  [/NOPERM/, 'the user in REDIS_URL lacks a right: give it ~* &* +@all, or the keys and channels of the prefix'],
  [/READONLY/, 'this is a read-only replica: let REDIS_URL name the master, or the Sentinels that know it'],
  [/^OOM/, 'Redis is full: raise its maxmemory, or wait until jobs and results have gone'],
  [/MISCONF/, 'Redis cannot write to its disk and takes nothing until it can'],
  [/LOADING/, 'Redis is still reading its data'],
  [/^MOVED|CROSSSLOT/, 'this is a node of a cluster: write redis+cluster://host:port'],
  [/CLUSTERDOWN/, 'some slots of the cluster have no master at present'],
  [/cluster support disabled/i, 'this is no cluster: write redis://host:port'],
  [/sentinels? (are|is) unreachable/i, 'no Sentinel answers, or none knows a master of that name'],
  [
    /self.signed|unable to (verify|get)|unknown authority/i,
    'its certificate is not trusted: let REDIS_TLS_CA name its authority',
  ],
  [/altnames|does not match certificate/i, 'its certificate is for another name: use a host that it names'],
  [/certificate required|bad certificate/i, 'it asks for a certificate of ours: set REDIS_TLS_CERT and REDIS_TLS_KEY'],
  [
    /wrong version number|packet length too long/i,
    'it speaks no TLS on this port: write redis:// instead of rediss://',
  ],
];

/** The words of Redis, or of the connection, and what to do where that is known. */
export function adviseOnRedis(message: string): string {
  const advice = ADVICE.find(([pattern]) => pattern.test(message))?.[1];
  return advice === undefined ? message : `${advice} (${message})`;
}
