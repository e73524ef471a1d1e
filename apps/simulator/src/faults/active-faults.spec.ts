import { describe, expect, it } from 'vitest';
import { ActiveFaults } from './active-faults.js';
import type { FaultDecision } from './active-faults.js';
import { composeAnswer } from '../answer.js';
import { readChatRequest } from '../openai/chat-request.js';
import { openAiWire } from '../openai/openai.wire.js';
import { bodyReply } from '../reply.js';
import { faultSchema } from './fault.js';
import type { FaultSpan } from './fault-span.js';

const request = readChatRequest(Buffer.from('{"model":"m","messages":[{"role":"user","content":"ping"}]}'));

/** Faults with a clock that the story moves. */
function createStory(seed = 1) {
  const faults = new ActiveFaults(seed);
  const story = {
    faults,
    nowMs: 1_000_000,
    set: (scope: { provider: string; model?: string }, fault: object, span: FaultSpan = {}) =>
      faults.add(scope, faultSchema.parse(fault), span, story.nowMs),
    decide: (model = 'm', provider = 'p'): FaultDecision => {
      return faults.decide(
        { provider, model },
        {
          nowMs: story.nowMs,
          request,
          wire: openAiWire,
          requestId: 'r',
          answer: () => composeAnswer(request, { seq: 1, atMs: story.nowMs }),
          render: () => bodyReply(200, 'application/json', '{}', true),
          renderError: ({ status, headers }) => ({ ...bodyReply(status, '', '', false), headers: headers ?? {} }),
        },
      );
    },
    kinds: (count: number) => Array.from({ length: count }, () => story.decide().kind ?? '-').join(' '),
  };
  return story;
}

describe('which fault a request meets', () => {
  it('the fault of a provider meets all its models, and no other provider', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'down' });
    expect([story.decide('m').kind, story.decide('n').kind, story.decide('m', 'q').kind]).toEqual([
      'down',
      'down',
      undefined,
    ]);
  });

  it('the fault of a model leaves the other models of its provider alone', () => {
    const story = createStory();
    story.set({ provider: 'p', model: 'm' }, { kind: 'down' });
    expect([story.decide('m').kind, story.decide('n').kind]).toEqual(['down', undefined]);
  });

  it('the newest fault with an answer wins', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'down' });
    const id = story.set({ provider: 'p', model: 'm' }, { kind: 'html' });
    expect(story.decide().kind).toBe('html');
    story.faults.remove(id);
    expect(story.decide().kind).toBe('down');
  });

  it('slowing adds up, and goes with the answer of another fault whichever is newer', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'slow', factor: 2, addMs: 30 });
    story.set({ provider: 'p' }, { kind: 'html' });
    story.set({ provider: 'p', model: 'm' }, { kind: 'slow', factor: 3 });
    expect(story.decide()).toMatchObject({
      kind: 'html',
      factor: 6,
      addMs: 30,
      answer: { status: 200 },
    });
  });

  it('a fault for n requests meets the next n and no more', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'down' }, { forRequests: 2 });
    expect(story.kinds(4)).toBe('down down - -');
    expect(story.faults.list(story.nowMs)).toEqual([]);
  });

  it('requests of another model spend nothing of a model fault', () => {
    const story = createStory();
    story.set({ provider: 'p', model: 'm' }, { kind: 'down' }, { forRequests: 1 });
    story.decide('n');
    expect(story.decide('m').kind).toBe('down');
  });

  it('a fault for a time is over when the time is', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'down' }, { forMs: 500 });
    story.nowMs += 499;
    expect(story.decide().kind).toBe('down');
    story.nowMs += 1;
    expect(story.decide().kind).toBeUndefined();
  });

  it('clearing a model keeps the faults of its provider; clearing the provider takes all', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'down' });
    story.set({ provider: 'p', model: 'm' }, { kind: 'html' });
    story.set({ provider: 'q' }, { kind: 'html' });
    expect(story.faults.clear({ provider: 'p', model: 'm' })).toBe(1);
    expect(story.decide().kind).toBe('down');
    story.set({ provider: 'p', model: 'm' }, { kind: 'html' });
    expect(story.faults.clear({ provider: 'p' })).toBe(2);
    expect([story.decide().kind, story.decide('m', 'q').kind]).toEqual([undefined, 'html']);
  });
});

describe('faults that count or draw', () => {
  it('a flaky provider fails its share, the same requests with the same seed', () => {
    const rows = [1, 1, 2].map((seed) => {
      const story = createStory(seed);
      story.set({ provider: 'p' }, { kind: 'flaky', ratio: 0.3 });
      return story.kinds(1_000);
    });
    const failed = rows[0]!.split(' ').filter((kind) => kind === 'flaky').length;
    expect(failed).toBeGreaterThan(250);
    expect(failed).toBeLessThan(350);
    expect(rows[1]).toBe(rows[0]);
    expect(rows[2]).not.toBe(rows[0]);
  });

  it('ratio 0 never fails, ratio 1 always', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'flaky', ratio: 0 });
    expect(story.kinds(3)).toBe('- - -');
    story.set({ provider: 'p' }, { kind: 'flaky', ratio: 1 });
    expect(story.kinds(3)).toBe('flaky flaky flaky');
  });

  it('a limit per minute admits that many in any 60 s, and tells how long to wait', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'rate-limit', perMinute: 2 });
    expect(story.kinds(1)).toBe('-');
    story.nowMs += 20_000;
    expect(story.kinds(1)).toBe('-');
    expect(story.decide()).toMatchObject({ answer: { status: 429, headers: { 'retry-after': '40' } } });
    story.nowMs += 40_000;
    expect(story.kinds(2)).toBe('- rate-limit');
    story.nowMs += 20_000;
    expect(story.kinds(2)).toBe('- rate-limit');
  });

  it('a limit may have a window of its own, and keep to itself when it ends', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'rate-limit', requests: 2, windowMs: 1_000, silent: true });
    expect(story.kinds(3)).toBe('- - rate-limit');
    expect(story.decide().answer).not.toHaveProperty('headers.retry-after');
    story.nowMs += 1_000;
    expect(story.kinds(3)).toBe('- - rate-limit');
  });

  it('an unconditional limit sends Retry-After only when it is given', () => {
    const story = createStory();
    story.set({ provider: 'p' }, { kind: 'rate-limit' });
    expect(story.decide().answer).not.toHaveProperty('headers.retry-after');
    story.set({ provider: 'p' }, { kind: 'rate-limit', retryAfterSeconds: 0 });
    expect(story.decide().answer).toHaveProperty('headers.retry-after', '0');
  });
});
