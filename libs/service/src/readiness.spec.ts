import { expect, it, vi } from 'vitest';
import { Readiness } from './readiness.js';

it('nothing required is ready', () => {
  expect(new Readiness().report()).toEqual({ status: 'ready' });
});

it('names what it waits for until all of it is met', () => {
  const readiness = new Readiness();
  const redis = readiness.require('redis');
  const snapshot = readiness.require('first health snapshot');
  expect(readiness.report()).toEqual({ status: 'starting', waitingFor: ['redis', 'first health snapshot'] });
  redis.met();
  expect(readiness.report()).toEqual({ status: 'starting', waitingFor: ['first health snapshot'] });
  snapshot.met();
  expect(readiness.report()).toEqual({ status: 'ready' });
});

it('is no longer ready when a condition is lost', () => {
  const readiness = new Readiness();
  const redis = readiness.require('redis');
  redis.met();
  redis.lost();
  expect(readiness.report()).toEqual({ status: 'starting', waitingFor: ['redis'] });
});

it('says what is wrong where somebody knows, also when that changes while it waits', () => {
  const readiness = new Readiness();
  const redis = readiness.require('redis');
  redis.lost('it is full: free memory');
  redis.lost('it is a replica: name the master');
  expect(readiness.report()).toMatchObject({ waitingFor: ['redis'], problems: ['it is a replica: name the master'] });
  redis.met();
  redis.lost();
  expect(readiness.report().problems).toBeUndefined();
});

it('two parts that require the same must both have it, and it is named once', () => {
  const readiness = new Readiness();
  const [one, two] = [readiness.require('redis'), readiness.require('redis')];
  expect(readiness.report().waitingFor).toEqual(['redis']);
  one.met();
  expect(readiness.report().status).toBe('starting');
  two.met();
  expect(readiness.report().status).toBe('ready');
});

it('tells of changes only', () => {
  const readiness = new Readiness();
  const listener = vi.fn();
  const redis = readiness.require('redis');
  readiness.onChange(listener);
  redis.lost();
  expect(listener).not.toHaveBeenCalled();
  redis.met();
  redis.met();
  expect(listener).toHaveBeenCalledTimes(1);
});

it('is never ready again once it stops, and says so to what makes work', () => {
  const readiness = new Readiness();
  const stopped = vi.fn();
  readiness.stopping.addEventListener('abort', stopped);
  readiness.beginStop();
  readiness.beginStop();
  expect(readiness.report()).toEqual({ status: 'stopping' });
  expect(stopped).toHaveBeenCalledTimes(1);
});
