import { parseConfig } from '#libs/config';
import { expect, test } from 'vitest';
import { embeddingsPingOf, pingOf } from './ping.js';

const pingWith = (target: string, probes = '{}') => {
  const config = parseConfig(
    `
providers: { a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' } }
targets: [{ provider: a, model: m, ${target} }]
probes: ${probes}
`,
    {},
  );
  return pingOf(config.targets[0]!, config.probes);
};

test('a ping asks for 16 tokens, so that a model that thinks has room for a word', () => {
  expect(pingWith('')).toEqual({ model: 'm', messages: [{ role: 'user', content: 'ping' }], max_tokens: 16 });
});

test.each([
  ['', '{}', undefined],
  ['reasoning: true', '{}', 'low'],
  ['reasoning: true', '{ reasoningEffort: none }', 'none'],
  ['reasoning: true, probeReasoningEffort: minimal', '{ reasoningEffort: none }', 'minimal'],
  ['probeReasoningEffort: none', '{}', 'none'],
])('with { %s } and probes %s it asks for effort %s', (target, probes, effort) => {
  expect(pingWith(target, probes)['reasoning_effort']).toBe(effort);
});

test('a ping of a target that makes embeddings asks for those of one word', () => {
  const config = parseConfig(
    `
providers: { a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' } }
targets: [{ provider: a, model: e, operation: embeddings }]
`,
    {},
  );
  expect(embeddingsPingOf(config.targets[0]!)).toEqual({ model: 'e', input: 'ping' });
});
