import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EmbeddingsRequest, EmbeddingsResult, UnderstudyError } from '#libs/contracts';
import { type ClientUnderTest, openClient } from './client.fixture.js';

const request: EmbeddingsRequest = { model: 'e', input: ['a', 'b'], some_new_field: { kept: true } };

let under: ClientUnderTest;
beforeEach(() => (under = openClient()));
afterEach(() => under.close());

const waiting = async () => (await under.queue.counts())['prioritized'];

describe('embed', () => {
  it('gives a vector for each input, of a job that holds the request verbatim', async () => {
    under.route();
    const result = await under.client.embed(request, { timeoutMs: 10_000, tenant: 'search', priority: 'low' });
    expect(result.data.map(({ embedding }) => embedding)).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(result.echo).toEqual({
      operation: 'embeddings',
      request,
      deadlineMs: 9_000,
      tenant: 'search',
      priority: 'low',
      replyTo: expect.stringContaining(`${under.prefix}:reply:`),
    });
  });

  it("throws the job's own error, with its code", async () => {
    under.route('fail');
    await expect(under.client.embed(request)).rejects.toMatchObject({ code: 'all_targets_failed' });
  });

  it('fails with client_closed once the client is closed', async () => {
    await under.client.close();
    await expect(under.client.embed(request)).rejects.toMatchObject({ code: 'client_closed' });
  });

  it('takes as many tokens as a provider does', async () => {
    under.route();
    const input = Array.from({ length: 1_000 }, () => Array<number>(300).fill(70_000));
    expect((await under.client.embed({ model: 'e', input })).data).toHaveLength(1_000);
  });

  it.each<[string, object, object, string]>([
    ['nothing to embed', { input: [] }, {}, 'input'],
    ['an empty text', { input: ['a', ''] }, {}, 'input[1]'],
    ['2,049 texts', { input: Array(2_049).fill('a') }, {}, 'input'],
    ['a conversation', { input: undefined, messages: [] }, {}, 'input'],
    ['a stream', { stream: true }, {}, 'stream'],
    ['chunks', {}, { streaming: true }, 'streaming'],
    ['half a millisecond', {}, { deadlineMs: 0.5 }, 'deadlineMs'],
  ])('refuses %s by the name of the field, before anything is enqueued', async (_what, wrong, options, field) => {
    const refusal = under.client.embed({ ...request, ...wrong }, options);
    await expect(refusal).rejects.toMatchObject({ code: 'invalid_request', field });
    expect(await waiting()).toBe(0);
  });

  it('refuses texts that are too large together', async () => {
    const input = Array.from({ length: 5 }, () => 'x'.repeat(1_000_000));
    await expect(under.client.embed({ model: 'e', input })).rejects.toMatchObject({ code: 'payload_too_large' });
  });
});

describe('a job for embeddings', () => {
  it('can be enqueued, alone or among others, and fetched later', async () => {
    const operation = 'embeddings';
    const one = await under.client.enqueue(request, { operation });
    const many = await under.client.enqueueMany([
      { request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] } },
      { request, operation, idempotencyKey: 'k' },
    ]);
    under.route();
    for (const id of [one, many[1]!]) {
      const result = await under.client.result<EmbeddingsResult>(id, { waitMs: 10_000 });
      expect(result?.data).toHaveLength(2);
    }
    expect((await under.client.result(many[0]!, { waitMs: 10_000 }))?.choices).toHaveLength(1);
  });

  it('is refused in a list by its place', async () => {
    const wrong = [
      { request, operation: 'embeddings' as const },
      { request: { ...request, input: '' }, operation: 'embeddings' as const },
    ];
    await expect(under.client.enqueueMany(wrong)).rejects.toMatchObject({ field: '[1].input' });
    await expect(under.client.enqueueMany([{ request }] as never)).rejects.toMatchObject({ field: '[0].messages' });
    const paint = [{ request: { model: 'm', messages: [{ role: 'user' }] }, operation: 'paint' }];
    await expect(under.client.enqueueMany(paint as never)).rejects.toMatchObject({ field: '[0].operation' });
    expect(await waiting()).toBe(0);
  });

  it('is another one than a chat completion of the same key and body', async () => {
    const both = { ...request, messages: [{ role: 'user', content: 'hi' }] };
    await under.client.enqueue(both, { operation: 'embeddings', idempotencyKey: 'k' });
    await under.client.enqueue(both, { operation: 'embeddings', idempotencyKey: 'k' });
    const conflict = under.client.enqueue(both, { idempotencyKey: 'k' });
    await expect(conflict).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(await waiting()).toBe(1);
  });

  it('is not streamed: whoever tries hears where its result is', async () => {
    const asked = under.client.stream(request as never, { operation: 'embeddings' } as never);
    await expect(asked.next()).rejects.toMatchObject({ code: 'invalid_request', field: 'operation' });
    under.route();
    const jobId = await under.client.enqueue(request, { operation: 'embeddings' });
    const followed = await under.client
      .stream(jobId)
      .next()
      .catch((e: unknown) => e as UnderstudyError);
    expect(followed).toMatchObject({ code: 'invalid_request', jobId, message: expect.stringContaining('result') });
  });

  it('can be cancelled', async () => {
    const jobId = await under.client.enqueue(request, { operation: 'embeddings' });
    expect(await under.client.cancel(jobId)).toBe('cancelled');
    expect(await under.client.state(jobId)).toBe('cancelled');
  });
});
