import { describe, expect, test } from 'vitest';
import type { ConfigError } from './config-error.js';
import { parseConfig } from './load-config.js';
import { canReplace } from './operation-problems.js';

/** Two providers of the same model, one of another, and one that talks. */
const BASE = `
providers:
  a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' }
  b: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:2/v1' }
  c: { kind: anthropic, baseUrl: 'http://127.0.0.1:3/v1' }
targets:
  - { provider: a, model: small, operation: embeddings }
  - { provider: b, model: my-small, serves: [small], operation: embeddings, embeddings: { space: small } }
  - { provider: a, model: large, operation: embeddings }
  - { provider: a, model: gpt }
`;

const problemsOf = (text: string): string[] => {
  try {
    parseConfig(text, {});
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ path, message }) => `${path}: ${message}`);
  }
};

describe('a target that makes embeddings', () => {
  const config = parseConfig(`${BASE}aliases: { vectors: small }`, {});

  test('is asked under its names and aliases, and auto leads to those alone that talk', () => {
    const operations = Array.from(config.routes, ([name, { operation, targets }]) => [name, operation, targets]);
    expect(operations).toEqual([
      ['small', 'embeddings', ['a/small', 'b/my-small']],
      ['large', 'embeddings', ['a/large']],
      ['gpt', 'chat', ['a/gpt']],
      ['auto', 'chat', ['a/gpt']],
      ['vectors', 'embeddings', ['a/small', 'b/my-small']],
    ]);
  });

  test('can replace another one of the same space and length alone', () => {
    const [small, same, large, gpt] = config.targets as [never, never, never, never];
    expect(canReplace(small, same)).toBe(true);
    expect([canReplace(small, large), canReplace(small, gpt), canReplace(gpt, small)]).toEqual([false, false, false]);
    expect(canReplace(gpt, gpt)).toBe(true);
  });

  test('may stand alone: then there is no auto', () => {
    const text = BASE.replace('  - { provider: a, model: gpt }\n', '');
    expect([...parseConfig(text, {}).routes.keys()]).toEqual(['small', 'large']);
  });
});

describe('what would mix operations or vectors is refused', () => {
  const small = 'model: small, operation: embeddings';
  const large = 'model: large, operation: embeddings';
  const different = 'which do not compare; where they are the same give both the same embeddings.space and .dimensions';
  test.each([
    [
      'an unknown operation',
      BASE.replace(small, 'model: small, operation: paint'),
      'targets[0].operation: must be one of: chat, embeddings',
    ],
    [
      'a model of the same name for both',
      BASE.replace('model: gpt', 'model: gpt, serves: [small]'),
      'targets[3].serves[0]: "a/gpt" does chat and "a/small" embeddings; give each operation names and chains of its own',
    ],
    [
      'one name for two spaces',
      BASE.replace(large, `${large}, serves: [small]`),
      'targets[2].serves[0]: "a/large" gives vectors of large (no dimensions set) and "a/small" of small (no dimensions set), which do not compare',
    ],
    [
      'one name for two spaces, by the model alone',
      BASE.replace(', embeddings: { space: small }', ''),
      `targets[1].serves[0]: "b/my-small" gives vectors of my-small`,
    ],
    [
      'one name for two lengths',
      BASE.replace('{ space: small }', '{ space: small, dimensions: 256 }'),
      `targets[1].serves[0]: "b/my-small" gives vectors of small (256 dimensions) and "a/small" of small (no dimensions set), ${different}`,
    ],
    [
      'a chat target as a fallback',
      BASE.replace(small, `${small}, fallbacks: [a/gpt]`),
      'targets[0].fallbacks[0]: "a/gpt" does chat',
    ],
    [
      'a fallback of another space',
      BASE.replace(small, `${small}, fallbacks: [a/large]`),
      'targets[0].fallbacks[0]: "a/large" gives vectors of large',
    ],
    [
      'a longer window of another space',
      BASE.replace(small, `${small}, contextFallbacks: [a/large]`),
      'targets[0].contextFallbacks[0]: "a/large"',
    ],
    [
      'an embeddings target as a fallback',
      BASE.replace('model: gpt', 'model: gpt, fallbacks: [a/small]'),
      'targets[3].fallbacks[0]: "a/small" does embeddings and "a/gpt" chat',
    ],
    [
      'a route over both',
      `${BASE}routes: { all: { targets: [a/gpt, a/small] } }`,
      'routes.all.targets[1]: "a/small" does embeddings',
    ],
    [
      'a route over two spaces',
      `${BASE}routes: { all: { targets: [a/small, a/large] } }`,
      'routes.all.targets[1]: "a/large" gives',
    ],
    [
      'a chain of another kind',
      `${BASE}routes: { all: { targets: [a/small], fallbacks: [a/gpt] } }`,
      'routes.all.fallbacks[0]: "a/gpt" does chat',
    ],
    [
      'Anthropic, which has none',
      `${BASE}  - { provider: c, model: x, operation: embeddings }`,
      'targets[4].operation: a provider of kind anthropic ("c") has no embeddings',
    ],
    [
      'a space for a chat target',
      BASE.replace('model: gpt', 'model: gpt, embeddings: { space: x }'),
      'targets[3].embeddings: means nothing to a chat target; add operation: embeddings',
    ],
    [
      'an unknown field of its vectors',
      BASE.replace('{ space: small }', '{ space: small, size: 3 }'),
      'targets[1].embeddings.size: unknown field',
    ],
    [
      'no dimensions',
      BASE.replace('{ space: small }', '{ space: small, dimensions: 0 }'),
      'targets[1].embeddings.dimensions: Too small',
    ],
    [
      'a length that the target does not know of',
      BASE.replace(large, `${large}, request: { set: { dimensions: 256 } }`),
      'targets[2].request.set.dimensions: must be what embeddings.dimensions says; set that to 256 too',
    ],
    [
      'a change of its input',
      BASE.replace(large, `${large}, request: { drop: [input] }`),
      'targets[2].request.drop[0]: model, messages, input and stream cannot be changed',
    ],
    ...[
      'streaming: false',
      'reasoning: true',
      'probeReasoningEffort: low',
      'firstTokenTimeoutMs: 5',
      'idleTimeoutMs: 5',
      'minTokensPerSecond: 1',
      'refusalFallbacks: [b/my-small]',
    ].map((option) => [
      `the option ${option}, which is for chat`,
      BASE.replace(small, `${small}, ${option}`),
      `targets[0].${option.split(':')[0]}: means nothing for embeddings, which come in one piece; remove it`,
    ]),
  ])('%s', (_what, text, problem) => {
    expect(problemsOf(text).join('\n')).toContain(problem);
  });

  test('each mistake once', () => {
    expect(problemsOf(BASE.replace(small, `${small}, fallbacks: [a/gpt, nobody]`))).toHaveLength(2);
    const lengths = BASE.replace(
      large,
      `${large}, embeddings: { dimensions: 256 }, request: { set: { dimensions: 256 } }`,
    );
    expect(problemsOf(lengths)).toEqual([]);
  });
});
