import { describe, expect, test } from 'vitest';
import type { ChatChunk } from '#libs/contracts';
import { CompletionAssembler } from './assemble-completion.js';

const assemble = (...chunks: unknown[]) => {
  const assembler = new CompletionAssembler();
  for (const chunk of chunks) assembler.add(chunk as ChatChunk);
  return assembler;
};
const delta = (fields: object, more: object = {}) => ({ choices: [{ index: 0, delta: fields, ...more }] });
const message = (...deltas: object[]) =>
  (assemble(...deltas.map((fields) => delta(fields))).completion()['choices'] as { message: unknown }[])[0]?.message;
const call = (fields: object) => ({ tool_calls: [fields] });

describe('an assembled message', () => {
  test.each<[string, object[], object]>([
    ['joins texts', [{ content: 'a' }, { content: null }, { content: 'b' }], { content: 'ab' }],
    [
      'joins reasoning and refusals',
      [
        { reasoning_content: 'a', refusal: 'c' },
        { reasoning_content: 'b', refusal: 'd' },
      ],
      { reasoning_content: 'ab', refusal: 'cd' },
    ],
    ['joins texts of fields that nobody knows', [{ future: 'a' }, { future: 'b' }], { future: 'ab' }],
    ['takes the last of other values', [{ score: 1 }, { score: 2 }], { score: 2 }],
    ['keeps the role one word', [{ role: 'assistant' }, { role: 'assistant' }], { role: 'assistant' }],
    [
      'joins the arguments of a tool call',
      [
        call({ index: 0, id: 't', type: 'function', function: { name: 'f', arguments: '' } }),
        call({ index: 0, function: { arguments: '{"a"' } }),
        call({ index: 0, id: '', function: { name: 'f', arguments: ':1}' } }),
      ],
      { tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }] },
    ],
    [
      'keeps tool calls apart by index',
      [
        call({ index: 0, id: 't', function: { arguments: '1' } }),
        call({ index: 1, id: 'u', function: { arguments: '2' } }),
        call({ index: 0, function: { arguments: '3' } }),
      ],
      {
        tool_calls: [
          { id: 't', function: { arguments: '13' } },
          { id: 'u', function: { arguments: '2' } },
        ],
      },
    ],
    [
      'keeps tool calls apart by id when all have one index, or none',
      [call({ index: 0, id: 't' }), call({ index: 0, id: 'u' }), call({ id: 'v' }), call({ id: 'w' })],
      { tool_calls: [{ id: 't' }, { id: 'u' }, { id: 'v' }, { id: 'w' }] },
    ],
    [
      'joins two fragments of one call in one chunk',
      [
        {
          tool_calls: [
            { index: 0, id: 't', function: { arguments: 'a' } },
            { index: 0, function: { arguments: 'b' } },
          ],
        },
      ],
      { tool_calls: [{ id: 't', function: { arguments: 'ab' } }] },
    ],
    [
      'joins audio',
      [{ audio: { id: 'x', data: 'a', transcript: 'b' } }, { audio: { data: 'c', expires_at: 9 } }],
      { audio: { id: 'x', data: 'ac', transcript: 'b', expires_at: 9 } },
    ],
  ])('%s', (_what, deltas, expected) => {
    expect(message(...deltas)).toEqual({ role: 'assistant', content: null, ...expected });
  });

  test('does not let a provider reach into our objects', () => {
    message(
      JSON.parse('{"__proto__":{"polluted":1}}') as object,
      JSON.parse('{"a":{"__proto__":{"polluted":1}}}') as object,
    );
    expect({}).not.toHaveProperty('polluted');
  });

  test('takes nesting without end for a value', () => {
    const deep = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as object;
    expect(() => message(deep(5_000), deep(5_000))).not.toThrow();
  });
});

describe('an assembled completion', () => {
  test('has the head of its chunks, whichever brings it', () => {
    const assembled = assemble(
      { id: '', model: '', choices: [], prompt_filter_results: [1] },
      { id: 'c', model: 'm', created: 5, object: 'chat.completion.chunk', service_tier: 'default', choices: [] },
      { id: 'c', choices: [], usage: { total_tokens: 3 }, obfuscation: 'xx', system_fingerprint: 'f', model: null },
    );
    expect(assembled.completion()).toEqual({
      id: 'c',
      model: 'm',
      created: 5,
      object: 'chat.completion',
      service_tier: 'default',
      prompt_filter_results: [1],
      usage: { total_tokens: 3 },
      system_fingerprint: 'f',
      choices: [],
    });
  });

  test('joins the log probabilities', () => {
    const assembled = assemble(
      delta({ content: 'a' }, { logprobs: { content: [{ token: 'a' }], refusal: null } }),
      delta({ content: 'b' }, { logprobs: { content: [{ token: 'b' }], refusal: null } }),
      delta({}, { logprobs: null, finish_reason: 'stop', native_finish_reason: 'end' }),
    );
    expect(assembled.completion()['choices']).toMatchObject([
      { logprobs: { content: [{ token: 'a' }, { token: 'b' }] }, native_finish_reason: 'end', finish_reason: 'stop' },
    ]);
  });

  test('is finished when every choice is, and not by an empty reason', () => {
    expect(assemble({ choices: [] }).isFinished).toBe(false);
    expect(assemble(delta({}, { finish_reason: '' })).isFinished).toBe(false);
    const second = { choices: [{ index: 1, delta: { content: 'b' } }] };
    expect(assemble(second, delta({}, { finish_reason: 'stop' })).isFinished).toBe(false);
    const both = assemble(second, delta({}, { finish_reason: 'stop' }), {
      choices: [{ index: 1, delta: {}, finish_reason: 'length' }],
    });
    expect(both.isFinished).toBe(true);
    expect(both.completion()['choices']).toMatchObject([{ index: 0 }, { index: 1, finish_reason: 'length' }]);
  });

  test('gets the reason that its content stands for when the provider gave none', () => {
    expect(assemble(delta({ content: 'a' })).completion()['choices']).toMatchObject([{ finish_reason: 'stop' }]);
    expect(assemble(delta(call({ index: 0, id: 't' }))).completion()['choices']).toMatchObject([
      { finish_reason: 'tool_calls' },
    ]);
  });
});
