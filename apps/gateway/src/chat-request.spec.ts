import { UnderstudyError } from '#libs/contracts';
import { describe, expect, it } from 'vitest';
import { readChatRequest as read } from './chat-request.js';

const readChatRequest = (body: unknown, headers: Parameters<typeof read>[1] = {}) => read(body, headers, 'live');
const plain = { wishes: {}, timeoutMs: 120_000, keep: false };
const body = { model: 'gpt-4', messages: [{ role: 'user', content: 'hello' }], some_new_field: { kept: true } };

function refusalOf(...parameters: Parameters<typeof readChatRequest>): UnderstudyError {
  try {
    readChatRequest(...parameters);
  } catch (error) {
    if (error instanceof UnderstudyError) return error;
  }
  throw new Error('was not refused');
}

describe('readChatRequest', () => {
  it('leaves an OpenAI body as it is, fields that it does not know included', () => {
    expect(readChatRequest(body, {})).toEqual({ ...plain, request: body });
  });

  it('takes our own field out of the body', () => {
    const understudy = { routing: { preferred: 'a/x', fallbacks: ['b/y'] }, tenant: 'search' };
    expect(readChatRequest({ ...body, understudy }, {})).toEqual({ ...plain, request: body, wishes: understudy });
  });

  it('lets the header outdo the field, and keeps the rest of the field', () => {
    const understudy = { routing: { preferred: 'a/x', fallbacks: ['b/y'] } };
    const { routing } = readChatRequest({ ...body, understudy }, { 'x-understudy-preferred': 'c/z' }).wishes;
    expect(routing).toEqual({ preferred: 'c/z', fallbacks: ['b/y'] });
  });

  it('takes the wish for a stream out of the body', () => {
    const wished = { ...body, stream: true, stream_options: { include_usage: true } };
    expect(readChatRequest(wished)).toEqual({
      ...plain,
      request: body,
      stream: { delivery: 'live', includeUsage: true },
    });
    expect(readChatRequest({ ...body, stream: false })).toEqual({ ...plain, request: body });
    const { stream } = readChatRequest({ ...body, stream: true }, { 'x-understudy-stream': 'whole' });
    expect(stream).toEqual({ delivery: 'whole', includeUsage: false });
  });

  it('reads what is said about the job from headers, which outdo the field', () => {
    const understudy = { tenant: 'search', priority: 'low', deadlineMs: 1_000, idempotencyKey: 'order-1' };
    expect(readChatRequest({ ...body, understudy }).wishes).toEqual(understudy);
    const headers = {
      'x-understudy-tenant': 'mail',
      'x-understudy-priority': 'high',
      'x-understudy-deadline-ms': '5000',
      'idempotency-key': 'order-2',
    };
    expect(readChatRequest({ ...body, understudy }, headers)).toMatchObject({
      wishes: { tenant: 'mail', priority: 'high', deadlineMs: 5_000, idempotencyKey: 'order-2' },
      timeoutMs: 6_000,
    });
  });

  it('keeps the job of a caller that leaves when it is told to, or when the caller has named it', () => {
    expect(readChatRequest(body).keep).toBe(false);
    expect(readChatRequest(body, { 'x-understudy-keep': 'true' }).keep).toBe(true);
    expect(readChatRequest(body, { 'idempotency-key': 'order-1' }).keep).toBe(true);
    expect(readChatRequest(body, { 'idempotency-key': 'order-1', 'x-understudy-keep': 'false' }).keep).toBe(false);
  });

  it.each([
    ['understudy.routing.fallbacks', { understudy: { routing: { fallbacks: ['b', 'c'] } } }],
    ['fallbacks', { fallbacks: ['b', 'c'] }],
    ['models, the requested one among them or not', { models: ['gpt-4', 'b', 'c'] }],
  ])('takes fallbacks from %s', (_where, fields) => {
    const { request, wishes } = readChatRequest({ ...body, ...fields });
    expect(request).toEqual(body);
    expect(wishes.routing).toEqual({ fallbacks: ['b', 'c'] });
  });

  it('refuses fallbacks that are named in two places', () => {
    expect(refusalOf({ ...body, fallbacks: ['b'], models: ['c'] })).toMatchObject({ field: 'models' });
  });

  it.each([
    [{ stream: 'yes' }, 'stream'],
    [{ stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
    [{ fallbacks: 'b' }, 'fallbacks'],
    [{ models: [7] }, 'models[0]'],
    [{ understudy: { priority: 'urgent' } }, 'understudy.priority'],
    [{ understudy: { deadlineMs: 0 } }, 'understudy.deadlineMs'],
  ])('refuses %j, naming the field', (fields, field) => {
    expect(refusalOf({ ...body, ...fields })).toMatchObject({ code: 'invalid_request', field });
  });

  it.each([
    ['x-understudy-stream', 'fast'],
    ['x-understudy-keep', 'yes'],
    ['x-understudy-priority', 'urgent'],
    ['x-understudy-deadline-ms', 'soon'],
    ['x-understudy-tenant', 'x'.repeat(129)],
    ['idempotency-key', ''],
  ])('refuses the header %s: %s, naming it', (name, value) => {
    const error = refusalOf(body, { [name]: value });
    expect(error).toMatchObject({ code: 'invalid_request', field: name });
    expect(error.message).toContain(name);
  });

  it.each([
    [{ ...body, understudy: { routing: { prefered: 'a/x' } } }, 'understudy.routing.prefered'],
    [{ ...body, understudy: { routing: { preferred: 7 } } }, 'understudy.routing.preferred'],
    [{ ...body, understudy: 'a/x' }, 'understudy'],
  ])('refuses a wrong field of ours, naming it: %#', (wrong, field) => {
    expect(refusalOf(wrong, {})).toMatchObject({ code: 'invalid_request', field });
  });

  it.each([
    ['x-understudy-dealine-ms', /did you mean x-understudy-deadline-ms\?/],
    ['x-understudy-stream-mode', /known are x-understudy-preferred, .*x-understudy-keep/],
    ['x-understudy-tennant', /did you mean x-understudy-tenant\?/],
    ['x-understudy-prefered', /did you mean x-understudy-preferred\?/],
    ['x-understudy-job-id', /known are/],
    ['x-understudy-', /known are/],
  ])('refuses the header %s, which it does not know, and names those that it does', (name, advice) => {
    const error = refusalOf(body, { [name]: '5000', 'x-other': 'is none of ours' });
    expect(error).toMatchObject({ code: 'invalid_request', field: name });
    expect(error.message).toContain(`Unknown header ${name}; remove it or correct its name`);
    expect(error.message).toMatch(advice);
  });

  it('tells no more than the beginning of a header’s name, however long it is', () => {
    expect(refusalOf(body, { [`x-understudy-${'y'.repeat(9_000)}`]: '1' }).message.length).toBeLessThan(500);
  });

  it.each([null, 'text', 7, ['a']])('refuses %j, which is no object', (wrong) => {
    expect(refusalOf(wrong, {}).code).toBe('invalid_request');
  });

  it.each(['0', '-1', '1.5', 'soon', '', '99999999999'])('refuses a timeout of "%s", naming the header', (timeout) => {
    expect(refusalOf(body, { 'x-understudy-timeout-ms': timeout }).field).toBe('x-understudy-timeout-ms');
  });

  it('takes the timeout from the header', () => {
    expect(readChatRequest(body, { 'x-understudy-timeout-ms': '1500' }).timeoutMs).toBe(1500);
  });
});
