import type { CompletionRequest, UnderstudyError } from '#libs/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientUnderTest, openClient } from './client.fixture.js';

const request: CompletionRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

let under: ClientUnderTest;
beforeEach(() => {
  under = openClient({ maxRequestBytes: 2_000 });
});
afterEach(() => under.close());

describe('enqueueMany', () => {
  it('gives the ids in the order of the jobs, each of which has options of its own', async () => {
    const ids = await under.client.enqueueMany([
      { request },
      { request: { ...request, seed: 1 }, priority: 'high', tenant: 'team-a', deadlineMs: 60_000 },
    ]);
    under.route();
    const answers = await Promise.all(ids.map((id) => under.client.result(id, { waitMs: 10_000 })));
    expect(answers.map((answer) => answer?.echo)).toEqual([
      { request },
      { request: { ...request, seed: 1 }, priority: 'high', tenant: 'team-a', deadlineMs: 60_000 },
    ]);
  });

  it('of nothing enqueues nothing', async () => {
    expect(await under.client.enqueueMany([])).toEqual([]);
  });

  it('enqueues one job for a key that is in the list twice, and gives its id twice', async () => {
    const order = { request, idempotencyKey: 'order-1' };
    const ids = await under.client.enqueueMany([order, { request }, order]);
    expect(ids[2]).toBe(ids[0]);
    expect(await under.queue.countWaiting()).toBe(2);
  });

  it.each<[field: string, jobs: unknown]>([
    ['[3].messages[0].role', [{ request }, { request }, { request }, { request: { model: 'm', messages: [{}] } }]],
    ['[1].deadlineMs', [{ request }, { request, deadlineMs: 'soon' }]],
    ['[1].messages', [{ request }, { request: { model: 'm' } }]],
    ['[1].request', [{ request }, request]],
    ['[0].routing.pin', [{ request, routing: { pin: '' } }]],
    ['[0].timeoutMs', [{ request, timeoutMs: 5 }]],
    ['[1]', [{ request }, null]],
    ['[1]', [{ request }, { request: { ...request, user: 'x'.repeat(2_000) } }]],
    [
      '[1].idempotencyKey',
      [
        { request, idempotencyKey: 'k' },
        { request: { ...request, seed: 1 }, idempotencyKey: 'k' },
      ],
    ],
  ])('names %s when that is wrong, and enqueues none of the others', async (field, jobs) => {
    const refusal = await under.client.enqueueMany(jobs as never).catch((error: unknown) => error as UnderstudyError);
    expect(refusal).toMatchObject({ field });
    expect((refusal as UnderstudyError).message).toContain(field.slice(0, 3));
    expect(await under.queue.countWaiting()).toBe(0);
  });

  it('names the first job whose model nobody serves', async () => {
    await under.catalog.publish(['m']);
    const jobs = [{ request }, { request: { ...request, model: 'gpt-9' } }];
    await expect(under.client.enqueueMany(jobs)).rejects.toMatchObject({ code: 'unknown_model', field: '[1].model' });
    expect(await under.queue.countWaiting()).toBe(0);
  });

  it.each<[what: string, jobs: unknown]>([
    ['no list', { request }],
    ['more than 10,000 jobs', Array(10_001).fill({ request })],
  ])('refuses %s', async (_what, jobs) => {
    await expect(under.client.enqueueMany(jobs as never)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
