import { context, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from './logger.js';
import { startTelemetry, type Telemetry } from './start-telemetry.js';

let lines: string[];
const destination = { write: (line: string) => void lines.push(line) };
const last = () => JSON.parse(lines.at(-1)!);

beforeEach(() => {
  lines = [];
  vi.stubEnv('LOG_FORMAT', 'json');
  vi.stubEnv('LOG_LEVEL', '');
});
afterEach(() => vi.unstubAllEnvs());

describe('a line', () => {
  it('is one JSON object with name, level, time and message', () => {
    createLogger({ name: 'router', destination }).warn({ event: 'llm.failover', job_id: '7' }, 'moved on');
    expect(lines).toHaveLength(1);
    expect(last()).toMatchObject({
      name: 'router',
      level: 'warn',
      event: 'llm.failover',
      job_id: '7',
      msg: 'moved on',
    });
    expect(last().time).toBeTypeOf('number');
  });

  it('carries the ids of the active span, and none outside of one', async () => {
    const telemetry: Telemetry = startTelemetry({ serviceName: 'router' });
    const logger = createLogger({ name: 'router', destination });
    const span = trace.getTracer('spec').startSpan('route completion');
    context.with(trace.setSpan(context.active(), span), () => logger.info('inside'));
    const { traceId, spanId } = span.spanContext();
    expect(last()).toMatchObject({ trace_id: traceId, span_id: spanId, trace_flags: '01' });

    span.end();
    logger.info('outside');
    expect(last()).not.toHaveProperty('trace_id');
    await telemetry.shutdown();
  });

  it('is readable text with LOG_FORMAT=pretty', () => {
    vi.stubEnv('LOG_FORMAT', 'pretty');
    createLogger({ name: 'router', destination }).info({ target: 'openai/gpt-4' }, 'state changed');
    expect(lines.join('')).toMatch(/INFO.*\(router\).*state changed.*openai\/gpt-4/);
  });
});

describe('an error', () => {
  const PROMPT = 'what nobody but the provider may read';
  const refused = (more = {}) =>
    Object.assign(new Error('WRONGTYPE'), { code: 'E', command: { name: 'evalsha', args: [PROMPT] }, ...more });

  it.each<[string, object]>([
    ['it', refused()],
    ['one that it carries', refused({ lastNodeError: refused() })],
    ['one of many that it carries', refused({ previousErrors: [refused(), refused()] })],
    ['its cause', Object.assign(new Error('no', { cause: refused() }))],
  ])('is logged without what was said to Redis when %s was met by a command', (_where, err) => {
    createLogger({ name: 'router', destination }).error({ event: 'llm.job.given_up', err });
    expect(lines[0]).not.toContain(PROMPT);
    expect(last().err).toMatchObject({ type: 'Error', stack: expect.stringContaining('WRONGTYPE') });
  });

  it('is logged without it by its own too, and a value that is no error as it is', () => {
    const logger = createLogger({ name: 'router', destination });
    logger.error(refused());
    expect(lines[0]).not.toContain(PROMPT);
    expect(last()).toMatchObject({ err: { code: 'E' }, msg: 'WRONGTYPE' });
    logger.error({ err: 'a text' });
    expect(last().err).toBe('a text');
  });
});

describe('LOG_LEVEL', () => {
  it('is the lowest level that is written', () => {
    vi.stubEnv('LOG_LEVEL', 'warn');
    const logger = createLogger({ name: 'router', destination });
    logger.info('quiet');
    logger.warn('loud');
    expect(lines).toHaveLength(1);
  });

  it.each([
    [
      'LOG_LEVEL',
      'loud',
      /^LOG_LEVEL: "loud" is unknown; write one of: trace, debug, info, warn, error, fatal, silent$/,
    ],
    ['LOG_FORMAT', 'xml', /^LOG_FORMAT: "xml" is unknown; write one of: json, pretty$/],
  ])('%s=%s is refused with the values that exist', (variable, value, message) => {
    vi.stubEnv(variable, value);
    expect(() => createLogger({ name: 'router', destination })).toThrow(message);
  });
});

describe('a secret', () => {
  const SECRET = 'hunter2-hunter2-hunter2';
  const failed = (message: string, more = {}) => Object.assign(new Error(message), more);

  it.each<[string, Record<string, unknown>, string?]>([
    ['a field', { apiKey: SECRET }],
    ['a field in snake case', { api_key: SECRET }],
    ['a header', { headers: { authorization: `Bearer ${SECRET}`, 'x-api-key': SECRET } }],
    ['a list of cookies', { headers: { 'set-cookie': [`session=${SECRET}`, `other=${SECRET}`] } }],
    ['deep nesting', { a: { b: { c: { d: { e: { openaiApiKey: SECRET } } } } } }],
    ['a value with quotes', { password: `"${SECRET}"\\` }],
    ['the URL of Redis', { url: `redis://:${SECRET}@127.0.0.1:6379/0` }],
    ['the URL of Redis in the message', {}, `cannot reach rediss://default:${SECRET}@redis:6379`],
    ['the message of an error', { err: failed(`connect redis://me:${SECRET}@host:6379 failed`) }],
    ['a cause', { err: failed('no', { cause: failed(`GET http://me:${SECRET}@host/x`) }) }],
    ['options that an error carries', { err: failed('no', { options: { password: SECRET } }) }],
    ['JSON inside a text', { body: JSON.stringify({ apiKey: SECRET }) }],
    ['a bearer token in a text', {}, `refused: Bearer ${SECRET}`],
    ['what a provider echoes', {}, `Incorrect API key provided: sk-${SECRET}`],
  ])('does not reach the log in %s', (_where, fields, message = 'event') => {
    createLogger({ name: 'router', destination }).error(fields, message);
    expect(lines[0]).not.toContain(SECRET);
    expect(lines[0]).toContain('[redacted]');
    expect(last()).toMatchObject({ level: 'error', name: 'router' });
  });

  it('does not reach a terminal either', () => {
    vi.stubEnv('LOG_FORMAT', 'pretty');
    createLogger({ name: 'router', destination }).error({ apiKey: SECRET }, `at redis://:${SECRET}@host`);
    expect(lines.join('')).toMatch(/\[redacted\].*\[redacted\]/s);
    expect(lines.join('')).not.toContain(SECRET);
  });

  it.each(['x', 'a.', 'a://', '"', '\\"apiKey', 'bearer ', '{"cookie":['])(
    'is looked for in bounded time in a long run of %s',
    (part) => {
      const began = performance.now();
      createLogger({ name: 'router', destination }).info({ text: part.repeat(100_000 / part.length) }, 'event');
      expect(performance.now() - began).toBeLessThan(5_000);
    },
  );

  it('is not seen in what merely looks similar', () => {
    const fields = { max_tokens: 5, url: 'http://127.0.0.1:4010/v1?mail=a@b', keys: ['a'], note: 'the bearer is late' };
    createLogger({ name: 'router', destination }).info(fields, 'event');
    expect(last()).toMatchObject(fields);
  });
});
