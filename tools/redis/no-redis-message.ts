/** What to tell somebody whose machine has no Redis and cannot fetch one. */
export function noRedisMessage(tried: readonly string[], platform: NodeJS.Platform = process.platform): string {
  const install =
    platform === 'darwin'
      ? 'brew install redis'
      : 'sudo apt-get install redis-server   (Debian, Ubuntu; elsewhere: dnf install valkey, apk add redis, pacman -S valkey)';
  return [
    'No Redis was found, and none could be fetched. Do one of these and run the command again:',
    `  - install it:       ${install}`,
    '  - start Docker:     an engine that answers `docker info` is enough',
    '  - use another one:  REDIS_URL=redis://host:6379 (version 6.2 or newer, maxmemory-policy noeviction)',
    'Tried:',
    ...['redis-server and valkey-server on PATH: not there, or older than 6.2', ...tried].map((line) => `  - ${line}`),
  ].join('\n');
}
