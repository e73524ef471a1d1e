import { ConfigError } from '#libs/config';
import { TelemetryEnvError } from '#libs/telemetry';
import { expect, it } from 'vitest';
import { explainStart } from './boot-service.js';
import { StartError } from './start.errors.js';

it.each([
  new ConfigError('understudy.yaml', [{ path: 'targets[0].weight', message: 'is missing' }]),
  new TelemetryEnvError('LOG_LEVEL', 'is unknown'),
  new StartError('PORT: 4000 is in use'),
])('a mistake of the operator is told without a stack: $name', (error) => {
  expect(explainStart(error)).toBe(error.message);
});

it('a fault of ours keeps its stack', () => {
  const error = new TypeError('x is not a function');
  expect(explainStart(error)).toBe(error.stack);
  expect(explainStart('thrown text')).toBe('thrown text');
});
