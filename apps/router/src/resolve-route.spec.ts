import { parseConfig } from '#libs/config';
import type { CompletionJob, Routing, UnderstudyError } from '#libs/contracts';
import { describe, expect, test } from 'vitest';
import { resolveRoute } from './resolve-route.js';

const CONFIG = parseConfig(
  `
providers: { a: { kind: openai-compatible, baseUrl: http://127.0.0.1:1 } }
targets:
  - { provider: a, model: m1, fallbacks: [a/m3] }
  - { provider: a, model: m2 }
  - { provider: a, model: m3 }
routes:
  strict: { targets: [a/m1, a/m2], fallbacks: [a/m3], standIns: fallbacks }
aliases: { old: m1 }
`,
  {},
);

const job = (model: string, routing?: Routing): CompletionJob => ({
  request: { model, messages: [{ role: 'user', content: 'hi' }] },
  ...(routing && { routing }),
});

describe('a requested model leads to', () => {
  test.each([
    [
      'its target, with all others as stand-ins',
      job('m1'),
      { primary: ['a/m1'], standIns: ['a/m2', 'a/m3'], fallbacks: ['a/m3'] },
    ],
    ['the same by an alias', job('old'), { model: 'old', primary: ['a/m1'], fallbacks: ['a/m3'] }],
    ['every target when it is auto', job('auto'), { primary: ['a/m1', 'a/m2', 'a/m3'], standIns: [] }],
    [
      'no stand-ins when the route forbids them',
      job('strict'),
      { primary: ['a/m1', 'a/m2'], standIns: [], fallbacks: ['a/m3'] },
    ],
    ['one target alone when pinned', job('auto', { pin: 'a/m2' }), { primary: ['a/m2'], standIns: [], pin: 'a/m2' }],
    ['the chain that the job names', job('m1', { fallbacks: ['a/m2'] }), { fallbacks: ['a/m2'] }],
    [
      'the targets of a model that stands in the chain, by its name, its alias or that of its route, each target once',
      job('m1', { fallbacks: ['a/m3', 'strict', 'm3', 'old'] }),
      { primary: ['a/m1'], fallbacks: ['a/m3', 'a/m1', 'a/m2'] },
    ],
    ['no chain when the job names an empty one', job('m1', { fallbacks: [] }), { fallbacks: [] }],
    ['the target that the job prefers', job('m1', { preferred: 'a/m2' }), { preferred: 'a/m2' }],
  ])('%s', (_what, asked, route) => {
    expect(resolveRoute(asked, CONFIG)).toMatchObject(route);
  });
});

describe('an unknown name is refused with the known ones', () => {
  test.each([
    ['model', job('gpt-9'), 'unknown_model', 'No model is called "gpt-9"; known: m1, m2, m3, strict, auto, old'],
    [
      'routing.pin',
      job('m1', { pin: 'x' }),
      'unknown_target',
      'routing.pin: no target is called "x"; known: a/m1, a/m2, a/m3',
    ],
    [
      'routing.fallbacks[1]',
      job('m1', { fallbacks: ['a/m2', 'x'] }),
      'unknown_target',
      'routing.fallbacks[1]: no target or model is called "x"; known: a/m1, a/m2, a/m3, m1, m2, m3, strict, auto, old',
    ],
  ])('in %s', (field, asked, code, message) => {
    const refusal = () => resolveRoute(asked, CONFIG);
    expect(refusal).toThrow(message);
    expect(refusal).toThrow(expect.objectContaining({ code, field }) as UnderstudyError);
  });
});
