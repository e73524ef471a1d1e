import type { ExecutionContext, HttpException } from '@nestjs/common';
import { expect, test } from 'vitest';
import { AdminGuard } from './admin.guard.js';

const KEY = 'spec-key-spec-key';
const requestWith = (headers: Record<string, string>) =>
  ({ switchToHttp: () => ({ getRequest: () => ({ headers }) }) }) as unknown as ExecutionContext;

test.each([
  ['loopback without a key', { host: '127.0.0.1' }, { host: '127.0.0.1:4001' }, true],
  ['loopback by name', { host: 'localhost' }, { host: 'localhost:4001' }, true],
  ['loopback over IPv6', { host: '::1' }, { host: '[::1]:4001' }, true],
  ['loopback under a name that somebody gave it', { host: '127.0.0.1' }, { host: 'evil.example:4001' }, 403],
  ['a network address without a key', { host: '0.0.0.0' }, { host: '127.0.0.1:4001' }, 403],
  ['a network address with the key', { host: '0.0.0.0', key: KEY }, { authorization: `Bearer ${KEY}` }, true],
  ['the wrong key', { host: '0.0.0.0', key: KEY }, { authorization: 'Bearer other' }, 401],
  ['no key where one is set', { host: '127.0.0.1', key: KEY }, { host: '127.0.0.1' }, 401],
] as [string, { host: string; key?: string }, Record<string, string>, true | number][])(
  'a caller on %s gets %#',
  (_who, door, headers, expected) => {
    let outcome: boolean | number;
    try {
      outcome = new AdminGuard(door).canActivate(requestWith(headers));
    } catch (error) {
      outcome = (error as HttpException).getStatus();
    }
    expect(outcome).toBe(expected);
  },
);
