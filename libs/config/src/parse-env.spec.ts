import { expect, test } from 'vitest';
import { parseEnv, redisEnv, serviceEnv } from './parse-env.js';

test('an empty environment gives the defaults, bound to loopback', () => {
  expect(parseEnv({ ...redisEnv, ...serviceEnv(4000) }, { PORT: '' })).toEqual({
    REDIS_URL: 'redis://127.0.0.1:6379',
    UNDERSTUDY_PREFIX: '{understudy}',
    HOST: '127.0.0.1',
    PORT: 4000,
    SHUTDOWN_DEADLINE_MS: 10_000,
  });
});

test('every wrong variable is named in one error', () => {
  const env = { PORT: '99999', REDIS_URL: 'http://x', UNDERSTUDY_PREFIX: 'plain' };
  expect(() => parseEnv({ ...redisEnv, ...serviceEnv(4000) }, env)).toThrow(
    /REDIS_URL: .*UNDERSTUDY_PREFIX: must be one hash tag.*PORT: /s,
  );
});
