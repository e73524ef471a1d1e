import type { UnderstudyConfig } from '#libs/config';
import { expect, test } from 'vitest';
import { TargetHosts } from './target-hosts.js';

const config = {
  providers: {
    one: { baseUrl: 'https://api.example.com/v1' },
    'other key': { baseUrl: 'https://API.example.com:443/v1' },
    elsewhere: { baseUrl: 'https://api.example.com:8443/v1' },
  },
  targets: [
    { id: 'one/a', provider: 'one' },
    { id: 'other/a', provider: 'other key' },
    { id: 'else/a', provider: 'elsewhere' },
  ],
} as unknown as UnderstudyConfig;

test('targets are at one host when name and port are the same, however they are written and whosever the key', () => {
  const hosts = new TargetHosts(config);
  expect(hosts.othersAt('one/a')).toEqual(['other/a']);
  expect(hosts.othersAt('else/a')).toEqual([]);
  expect(hosts.hostOf('other/a')).toBe('api.example.com');
});

test('a target that nobody has configured shares nothing', () => {
  expect(new TargetHosts(config).othersAt('gone/a')).toEqual([]);
});
