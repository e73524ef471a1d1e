import { Logger as FrameworkLogger } from '@nestjs/common';
import { beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from './logger.js';
import { NestLogger } from './nest-logger.js';

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  vi.stubEnv('LOG_FORMAT', 'json');
  vi.stubEnv('LOG_LEVEL', 'debug');
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  FrameworkLogger.overrideLogger(new NestLogger(createLogger({ name: 'router', destination })));
});

it('writes what comes through the Logger of Nest, with its context', () => {
  new FrameworkLogger('ProbeService').warn('slow');
  expect(lines).toMatchObject([{ level: 'warn', context: 'ProbeService', msg: 'slow', name: 'router' }]);
});

it('keeps the chatter of the framework at debug', () => {
  new FrameworkLogger('RoutesResolver').log('Mapped {/live, GET}');
  new FrameworkLogger('RouterService').log('serving');
  expect(lines.map((line) => line.level)).toEqual(['debug', 'info']);
});

it('keeps the stack of an error', () => {
  const error = new Error('broken');
  new FrameworkLogger('ProbeService').error('failed', error.stack);
  new FrameworkLogger('ProbeService').error(error);
  expect(lines[0]).toMatchObject({ level: 'error', context: 'ProbeService', msg: 'failed', stack: error.stack });
  expect(lines[1]).toMatchObject({ msg: 'broken', err: { type: 'Error', message: 'broken', stack: error.stack } });
});

it('keeps objects as fields', () => {
  new FrameworkLogger('ProbeService').log({ event: 'probe', target: 'openai/gpt-4' });
  expect(lines).toMatchObject([{ event: 'probe', target: 'openai/gpt-4', context: 'ProbeService' }]);
});
