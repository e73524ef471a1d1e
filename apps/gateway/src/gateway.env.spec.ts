import { ConfigError } from '#libs/config';
import { describe, expect, it } from 'vitest';
import { gatewayEnv } from './gateway.env.js';

const key = 'a-key-of-the-right-length';

describe('the gateway’s environment', () => {
  it('opens the door on loopback, without keys, when nothing is set', () => {
    expect(gatewayEnv({})).toMatchObject({ HOST: '127.0.0.1', PORT: 4000, GATEWAY_API_KEYS: [] });
  });

  it.each(['0.0.0.0', '::', '10.0.0.4', 'gateway.internal', '127.0.0.1.example.org'])(
    'refuses to listen on %s without keys, and says what to set',
    (HOST) => {
      expect(() => gatewayEnv({ HOST })).toThrow(ConfigError);
      expect(() => gatewayEnv({ HOST })).toThrow(/GATEWAY_API_KEYS: is not set, but HOST=/);
    },
  );

  it.each(['127.0.0.1', '127.8.9.1', '::1', 'localhost'])('needs no key on %s', (HOST) => {
    expect(gatewayEnv({ HOST }).GATEWAY_API_KEYS).toEqual([]);
  });

  it('takes several keys, and forgives spaces and a comma too many', () => {
    const env = gatewayEnv({ HOST: '0.0.0.0', GATEWAY_API_KEYS: ` ${key}, ${key}-2,` });
    expect(env.GATEWAY_API_KEYS).toEqual([key, `${key}-2`]);
  });

  it('refuses a key that could be guessed, without repeating it', () => {
    expect(() => gatewayEnv({ GATEWAY_API_KEYS: 'hunter2' })).toThrow(/GATEWAY_API_KEYS: holds a key of fewer than 16/);
    expect(() => gatewayEnv({ GATEWAY_API_KEYS: 'hunter2' })).not.toThrow(/hunter2/);
  });
});
