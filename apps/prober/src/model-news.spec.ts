import type { FailedCall, OfferedModel } from '#libs/providers';
import { describe, expect, it } from 'vitest';
import { listedAs } from './listed-as.js';
import { learn } from './model-news.js';
import { shutdownDay } from './shutdown-date.js';

const targets = [
  { id: 'p/a', model: 'a' },
  { id: 'p/b', model: 'b' },
];
const list = (...answer: OfferedModel[]) => ({
  ok: true as const,
  answer,
  httpStatus: 200,
  latencyMs: 1,
  firstTokenMs: undefined,
  servedModel: undefined,
  usage: undefined,
});
const failed: FailedCall = {
  ok: false,
  failure: 'auth',
  message: 'no',
  latencyMs: 1,
  httpStatus: 401,
  retryAfterMs: undefined,
};
const END = Date.UTC(2027, 0, 14);
const good = list({ id: 'a' }, { id: 'b', shutdownDate: '2027-01-14' });

describe('what a list of models says', () => {
  it('is news where a model is missing or has a date, once', () => {
    const first = learn(null, list({ id: 'b', shutdownDate: '2027-01-14' }), targets, 5);
    expect(first.listing).toEqual({
      askedAt: 5,
      failure: null,
      targets: {
        'p/a': { model: 'a', listed: false, shutdownAt: null },
        'p/b': { model: 'b', listed: true, shutdownAt: END },
      },
    });
    expect(first.changes).toMatchObject([
      { target: 'p/a', isBad: true, text: "a is not in its provider's list of models; it is asked as before" },
      { target: 'p/b', isBad: true, text: 'its provider shuts b down on 2027-01-14' },
    ]);
    expect(learn(first.listing, list({ id: 'b', shutdownDate: '2027-01-14' }), targets, 6).changes).toEqual([]);
    expect(learn(first.listing, list({ id: 'a' }, { id: 'b' }), targets, 7).changes).toMatchObject([
      { target: 'p/a', isBad: false },
      { target: 'p/b', isBad: false, shutdownAt: null },
    ]);
  });

  it('is nothing when all is listed and nothing ends', () => {
    expect(learn(null, list({ id: 'a' }, { id: 'b' }), targets, 5).changes).toEqual([]);
  });

  it('is nothing about any model when the list failed or is empty: what was known stays', () => {
    const { listing } = learn(null, good, targets, 5);
    expect(learn(listing, failed, targets, 6)).toEqual({
      listing: { ...listing, askedAt: 6, failure: 'auth' },
      changes: [],
    });
    expect(learn(listing, list(), targets, 6)).toEqual({
      listing: { ...listing, askedAt: 6, failure: 'empty' },
      changes: [],
    });
    expect(learn(null, failed, targets, 6).listing.targets).toEqual({});
  });

  it('keeps the date of a model that has gone from the list', () => {
    const { listing } = learn(null, good, targets, 5);
    const { changes } = learn(listing, list({ id: 'a' }), targets, 6);
    expect(changes).toMatchObject([{ target: 'p/b', listed: false, shutdownAt: END }]);
    expect(changes[0]!.text).not.toContain('shut');
  });

  it('begins anew for a target that has another model than before', () => {
    const { listing } = learn(null, good, targets, 5);
    const { changes } = learn(listing, list({ id: 'c' }), [{ id: 'p/b', model: 'c' }], 6);
    expect(changes).toEqual([]);
  });
});

describe('a model in a list', () => {
  it.each([
    ['gpt-4.1', ['gpt-4', 'gpt-4.1'], 'gpt-4.1'],
    ['gemini-3', ['models/gemini-3'], 'models/gemini-3'],
    ['vendor/small', ['vendor/small-1', 'vendor/small'], 'vendor/small'],
    // A name without a release leads to the newest one.
    ['claude-x', ['claude-x-20250101', 'claude-x-20260101', 'claude-x-pro'], 'claude-x-20260101'],
    ['claude-x-latest', ['claude-x-20250101'], 'claude-x-20250101'],
    ['gpt-4', ['gpt-4-0613'], 'gpt-4-0613'],
    ['gpt-4o', ['gpt-4o-2024-08-06'], 'gpt-4o-2024-08-06'],
    ['llama', ['llama:latest'], 'llama:latest'],
    // A release is that release, and another model is another model.
    ['gpt-4-0613', ['gpt-4', 'gpt-4-0314'], undefined],
    ['gpt-4', ['gpt-4-turbo', 'gpt-4o', 'chat-gpt-4'], undefined],
    ['o3', ['O3', 'o3-pro-2025-06-10'], undefined],
  ])('%s among %j is %s', (model, ids, found) => {
    expect(
      listedAs(
        model,
        ids.map((id) => ({ id })),
      )?.id,
    ).toBe(found);
  });
});

describe('the date of a shutdown', () => {
  it.each([
    ['2027-01-14', END],
    ['2027-01-14T23:59:59Z', END],
    ['2027-01-14 08:00:00+05:00', END],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['2027-02-30', null],
    ['2027-13-01', null],
    ['0001-01-01', null],
    ['1970-01-01', null],
    ['9999-12-31', null],
    ['14.01.2027', null],
    ['2027-01-14tomorrow', null],
    ['1799884800', null],
    ['soon', null],
    ['', null],
    [undefined, null],
  ])('%s is %s', (text, at) => {
    expect(shutdownDay(text)).toBe(at);
  });
});
