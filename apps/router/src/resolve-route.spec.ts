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

describe('a job for embeddings', () => {
  const config = parseConfig(
    `
providers: { a: { kind: openai-compatible, baseUrl: http://127.0.0.1:1 } }
targets:
  - { provider: a, model: e1, operation: embeddings }
  - { id: a/e1-too, provider: a, model: e1-too, operation: embeddings, embeddings: { space: e1 } }
  - { provider: a, model: e2, operation: embeddings }
  - { provider: a, model: m1 }
  - { provider: a, model: m2 }
`,
    {},
  );
  const asks = (operation: 'chat' | 'embeddings', model: string, routing?: Routing) => () =>
    resolveRoute({ operation, request: { model }, routing }, config);

  test('has targets of the same vectors alone as stand-ins, and a chat has none of either kind', () => {
    expect(asks('embeddings', 'e1')()).toMatchObject({ primary: ['a/e1'], standIns: ['a/e1-too'], fallbacks: [] });
    expect(asks('embeddings', 'e2')()).toMatchObject({ primary: ['a/e2'], standIns: [] });
    expect(asks('chat', 'm1')()).toMatchObject({ primary: ['a/m1'], standIns: ['a/m2'] });
    expect(asks('chat', 'auto')()).toMatchObject({ primary: ['a/m1', 'a/m2'] });
  });

  test('may name targets and models of the same vectors', () => {
    expect(asks('embeddings', 'e1', { pin: 'a/e1-too' })()).toMatchObject({ primary: ['a/e1-too'], pin: 'a/e1-too' });
    expect(asks('embeddings', 'e1', { fallbacks: ['e1-too'] })()).toMatchObject({ fallbacks: ['a/e1-too'] });
  });

  test.each<[string, () => unknown, string, string]>([
    [
      'a model that talks',
      asks('embeddings', 'm1'),
      'model',
      '"m1" is for chat, and the job asks for embeddings; for that there is: e1, e1-too, e2',
    ],
    ['the best of all that talk', asks('embeddings', 'auto'), 'model', '"auto" is for chat'],
    [
      'embeddings, to talk to',
      asks('chat', 'e1'),
      'model',
      '"e1" is for embeddings, and the job asks for chat; for that there is: m1, m2, auto',
    ],
    [
      'a target of other vectors alone',
      asks('embeddings', 'e1', { pin: 'a/e2' }),
      'routing.pin',
      '"a/e2" cannot answer in place of this model',
    ],
    [
      'a target that talks first',
      asks('embeddings', 'e1', { preferred: 'a/m1' }),
      'routing.preferred',
      'possible: a/e1, a/e1-too',
    ],
    [
      'a model of other vectors after its own',
      asks('embeddings', 'e1', { fallbacks: ['a/e1-too', 'e2'] }),
      'routing.fallbacks',
      '"a/e2"',
    ],
    ['vectors, for a talk', asks('chat', 'm1', { pin: 'a/e1' }), 'routing.pin', 'possible: a/m1, a/m2'],
  ])('that asks %s is refused', (_what, refusal, field, message) => {
    expect(refusal).toThrow(message);
    expect(refusal).toThrow(expect.objectContaining({ code: 'invalid_request', field }) as UnderstudyError);
  });
});
