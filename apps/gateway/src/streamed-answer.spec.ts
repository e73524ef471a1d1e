import type { StreamEvent } from '#libs/client';
import type { CompletionResult } from '#libs/contracts';
import { describe, expect, it } from 'vitest';
import { StreamedAnswer } from './streamed-answer.js';

const asked = { jobId: 'job-1', model: 'asked', now: 7, includeUsage: false };
const answer = (more: Partial<typeof asked> = {}) => new StreamedAnswer({ ...asked, ...more });

const says = (delta: object, attempt = 1): Extract<StreamEvent, { type: 'chunk' }> => ({
  type: 'chunk',
  attempt,
  target: `t${attempt}`,
  chunk: {
    id: `id-${attempt}`,
    model: `model-${attempt}`,
    created: attempt,
    choices: [{ index: 0, delta: { ...delta } }],
  },
});
const text = (content: string, attempt = 1) => says({ content }, attempt);
const restarted = { type: 'restarted', attempt: 2, reason: 'stream_broken' } as const;
const completed = (message: object, more: object = {}): Extract<StreamEvent, { type: 'completed' }> => ({
  type: 'completed',
  result: {
    id: 'whole',
    model: 'model-2',
    created: 2,
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' }],
    understudy: { jobId: 'job-1', target: 't2', attempts: [], queueMs: 0, totalMs: 1 },
    ...more,
  } as CompletionResult,
});
const deltas = (chunks: Iterable<object>) =>
  ([...chunks] as { choices: { delta: object }[] }[]).map(({ choices }) => choices[0]?.delta);
const ROLE = { role: 'assistant', content: '' };

describe('StreamedAnswer', () => {
  it('begins with the role, keeps the first id, model and time, and ends with the reason', () => {
    const live = answer();
    const chunks = [
      ...live.chunk(text('Hel')),
      ...live.chunk(text('lo', 2)),
      ...live.completed(completed({ content: 'Hello' })),
    ];
    expect(deltas(chunks)).toEqual([ROLE, { content: 'Hel' }, { content: 'lo' }, {}]);
    for (const chunk of chunks) expect(chunk).toMatchObject({ id: 'id-1', model: 'model-1', created: 1 });
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], understudy: { target: 't2' } });
  });

  it('goes on without a seam where a new answer says what was sent, however it is cut into chunks', () => {
    const live = answer();
    live.chunk(text('one two'));
    expect(live.restarted(restarted)).toEqual([]);
    expect(live.chunk(text('one', 2))).toEqual([]);
    expect(live.isCatchingUp).toBe(true);
    expect(deltas(live.chunk(text(' two three', 2)))).toEqual([{ content: ' three' }]);
    expect(live.isCatchingUp).toBe(false);
    expect(deltas(live.chunk(text(' four', 2)))).toEqual([{ content: ' four' }]);
  });

  it('goes on after several restarts', () => {
    const live = answer();
    live.chunk(text('one two'));
    live.restarted(restarted);
    live.chunk(text('one', 2));
    live.restarted({ ...restarted, attempt: 3 });
    expect(deltas(live.chunk(text('one two three', 3)))).toEqual([{ content: ' three' }]);
  });

  it('leaves out thoughts that a new answer has before the text that was sent', () => {
    const live = answer();
    live.chunk(text('one'));
    live.restarted(restarted);
    expect(live.chunk(says({ reasoning_content: 'hm' }, 2))).toEqual([]);
    expect(deltas(live.chunk(text('one two', 2)))).toEqual([{ content: ' two' }]);
    expect(deltas(live.completed(completed({ content: 'one two' })))).toEqual([{}]);
  });

  const interruptions: [string, (live: StreamedAnswer) => unknown][] = [
    ['says something else', (live) => live.chunk(text('One', 2))],
    ['calls a tool instead', (live) => live.chunk(says({ tool_calls: [{ index: 0, id: 'c' }] }, 2))],
    ['is shorter', (live) => live.completed(completed({ content: 'on' }))],
    ['is nothing but a refusal', (live) => live.completed(completed({ content: null, refusal: 'no' }))],
  ];
  it.each(interruptions)('is interrupted where a new answer %s', (_what, goOn) => {
    const live = answer();
    live.chunk(text('one'));
    live.restarted(restarted);
    expect(() => goOn(live)).toThrow(expect.objectContaining({ code: 'stream_interrupted', jobId: 'job-1' }));
  });

  it.each([
    ['a tool call', { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{' } }] }],
    ['reasoning', { reasoning_content: 'hm' }],
    ['a refusal', { refusal: 'I' }],
  ])('is interrupted by a restart once it has sent %s', (_what, delta) => {
    const live = answer();
    live.chunk(says(delta));
    expect(() => live.restarted(restarted)).toThrow(expect.objectContaining({ code: 'stream_interrupted' }));
  });

  it('does not mind a restart before anything was sent', () => {
    const live = answer();
    live.chunk(says({ role: 'assistant' }));
    live.restarted(restarted);
    expect(deltas(live.chunk(text('other', 2)))).toEqual([ROLE, { content: 'other' }]);
  });

  it('passes on the call of a custom tool, and sends at the end what was not published of it', () => {
    const live = answer();
    const begun = { tool_calls: [{ index: 0, id: 'c', type: 'custom', custom: { name: 'sh', input: 'ls' } }] };
    expect(deltas(live.chunk(says(begun)))).toEqual([ROLE, begun]);
    const whole = [{ id: 'c', type: 'custom', custom: { name: 'sh', input: 'ls -l' } }];
    expect(deltas(live.completed(completed({ content: null, tool_calls: whole })))).toEqual([
      { tool_calls: [{ index: 0, custom: { input: ' -l' } }] },
      {},
    ]);
  });

  it('sends at the end what was not published: of a text, of a refusal, of a tool call', () => {
    const live = answer();
    live.chunk(text('one'));
    expect(deltas(live.completed(completed({ content: 'one two' })))).toEqual([{ content: ' two' }, {}]);

    const calls = answer();
    calls.chunk(
      says({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{"a"' } }] }),
    );
    const whole = [
      { id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
      { id: 'd', type: 'function', function: { name: 'g', arguments: '{}' } },
    ];
    expect(deltas(calls.completed(completed({ content: null, tool_calls: whole })))).toEqual([
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      { tool_calls: [{ ...whole[1], index: 1 }] },
      {},
    ]);
  });

  it('sends a call’s arguments once where the whole answer only writes them in another way', () => {
    const calls = answer();
    calls.chunk(says({ tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{ "a": 1 }' } }] }));
    const whole = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }];
    expect(deltas(calls.completed(completed({ content: null, tool_calls: whole })))).toEqual([{}]);
  });

  it('takes a refusal that came as text for what it is', () => {
    const live = answer();
    live.chunk(text('I cannot'));
    expect(deltas(live.completed(completed({ content: null, refusal: 'I cannot' })))).toEqual([{}]);
  });

  it('makes a stream of a whole answer: every field, long texts in pieces, no character cut', () => {
    const long = '🎭'.repeat(1_000);
    const message = {
      content: `x${long}`,
      reasoning_content: 'thought',
      refusal: null,
      annotations: [{ type: 'url_citation' }],
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
    };
    const chunks = deltas(answer().completed(completed(message))) as Record<string, unknown>[];
    expect(chunks[0]).toEqual(ROLE);
    const pieces = chunks.slice(1).flatMap(({ content }) => (typeof content === 'string' ? [content] : []));
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe(`x${long}`);
    for (const piece of pieces) expect(Buffer.from(piece).toString()).toBe(piece);
    expect(chunks).toContainEqual({ reasoning_content: 'thought' });
    expect(chunks).toContainEqual({ annotations: [{ type: 'url_citation' }] });
    expect(chunks).toContainEqual({ tool_calls: [{ ...message.tool_calls[0], index: 0 }] });
  });

  it('tells the usage where it was asked for, from our own count if the provider told none', () => {
    const usage = { inputTokens: 3, outputTokens: 4, estimated: true };
    const event = completed({ content: 'x' });
    event.result.understudy.usage = usage;
    const chunks = [...answer({ includeUsage: true }).completed(event)] as unknown as { usage: unknown }[];
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });
});
