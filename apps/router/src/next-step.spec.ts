import { FAILURE_CLASSES, consequenceOf, type FailureClass } from '#libs/health-core';
import { parseConfig } from '#libs/config';
import { describe, expect, test } from 'vitest';
import { nextActionAfter, nextStep, type Met } from './next-step.js';
import type { ResolvedRoute } from './resolve-route.js';

const config = (failoverOn: string[] = []) =>
  parseConfig(
    `
providers:
  a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' }
  b: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' }
targets:
  - { provider: a, model: small, contextFallbacks: [b/large, a/large], refusalFallbacks: [b/frank] }
  - { provider: b, model: small }
  - { provider: a, model: large }
  - { provider: b, model: large }
  - { provider: b, model: frank }
jobs: { failoverOn: [${failoverOn.join(', ')}] }
`,
    {},
  );
const ROUTE: ResolvedRoute = {
  model: 'small',
  primary: ['a/small', 'b/small'],
  standIns: ['a/large', 'b/large'],
  fallbacks: ['b/frank'],
  preferred: undefined,
  pin: undefined,
};
const step = (
  failure: FailureClass,
  met: Partial<Met> = {},
  from = 'a/small',
  route = ROUTE,
  failoverOn?: string[],
) => {
  const read = config(failoverOn);
  const target = read.targets.find(({ id }) => id === from)!;
  return nextStep(failure, target, route, { tried: new Set([from]), triedOtherFamily: false, ...met }, read);
};

describe('after a fault of the target', () => {
  test.each(FAILURE_CLASSES.filter((failure) => consequenceOf(failure).failover))(
    '%s: the job goes on along its route',
    (failure) => {
      expect(step(failure)).toEqual({ kind: 'go-on', route: ROUTE });
    },
  );
});

describe('after a fault of the request', () => {
  test.each(FAILURE_CLASSES.filter((failure) => !consequenceOf(failure).failover))(
    '%s: nobody else is asked where nothing is configured for it',
    (failure) => {
      const alone = { ...ROUTE, primary: ['b/small'], standIns: [], fallbacks: [] };
      expect(step(failure, {}, 'b/small', alone)).toEqual({ kind: 'reject' });
    },
  );

  test('too long a context: only targets with a larger window, in the order of the list', () => {
    expect(step('context_length')).toMatchObject({
      route: { primary: [], standIns: [], fallbacks: ['b/large', 'a/large'] },
    });
    expect(step('context_length', { tried: new Set(['a/small', 'b/large', 'a/large']) })).toEqual({ kind: 'reject' });
  });

  test('a refusal: only the targets that are listed for it', () => {
    expect(step('content_filter')).toMatchObject({ route: { fallbacks: ['b/frank'] } });
    expect(step('content_filter', {}, 'b/small')).toEqual({ kind: 'reject' });
  });

  test('an unknown parameter: once, another model', () => {
    expect(step('unsupported_param')).toMatchObject({
      route: { primary: [], standIns: ['a/large', 'b/large'], fallbacks: ['b/frank'] },
    });
    expect(step('unsupported_param', { triedOtherFamily: true })).toEqual({ kind: 'reject' });
  });

  test('a bad request, or one that is too large: on along the route, where the configuration says so', () => {
    for (const failure of ['bad_request', 'too_large'] as const) {
      expect(step(failure)).toEqual({ kind: 'reject' });
      expect(step(failure, {}, 'a/small', ROUTE, [failure])).toEqual({ kind: 'go-on', route: ROUTE });
    }
  });

  test('a pinned job stays where it is pinned', () => {
    expect(step('context_length', {}, 'a/small', { ...ROUTE, pin: 'a/small' })).toEqual({ kind: 'reject' });
  });
});

test.each([
  ['a dropped connection', { failure: 'connection', unanswered: true }, 'retry', 'failover', 'retry'],
  ['a refused connection', { failure: 'connection' }, 'failover', 'failover', 'give_up'],
  ['a stumble', { failure: 'server_error' }, 'failover', 'failover', 'retry'],
  ['an overload', { failure: 'overloaded' }, 'failover', 'failover', 'give_up'],
  ['a bad request', { failure: 'bad_request' }, 'give_up', 'give_up', 'give_up'],
] as const)(
  'what is told to come after %s: with others left, after a second call, with nobody left',
  (_what, failed, ...expected) => {
    const situations = [
      { mayRepeat: true, hasNext: true },
      { mayRepeat: false, hasNext: true },
      { mayRepeat: true, hasNext: false },
    ];
    expect(situations.map((situation) => nextActionAfter(failed, situation))).toEqual(expected);
    expect(nextActionAfter(failed, { mayRepeat: false, hasNext: false })).toBe('give_up');
  },
);

test('a length that one target of a space cannot give is asked of the others of it, each once', () => {
  const space = parseConfig(
    `
providers: { a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' } }
targets:
  - { id: one, provider: a, model: e, operation: embeddings }
  - { id: two, provider: a, model: e, operation: embeddings }
`,
    {},
  );
  const route = { ...ROUTE, primary: ['one', 'two'], standIns: [], fallbacks: [] };
  const after = (...tried: string[]) =>
    nextStep('unsupported_param', space.targets[0]!, route, { tried: new Set(tried), triedOtherFamily: true }, space);
  expect(after('one')).toEqual({ kind: 'go-on', route });
  expect(after('one', 'two')).toEqual({ kind: 'reject' });
});
