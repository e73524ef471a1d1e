import { UnderstudyError } from '#libs/contracts';
import { describe, expect, it } from 'vitest';
import { readChatRequest } from './chat-request.js';

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
    expect(readChatRequest(body, {})).toEqual({ request: body, timeoutMs: 120_000 });
  });

  it('takes our own field out of the body', () => {
    const understudy = { routing: { preferred: 'a/x', fallbacks: ['b/y'] }, tenant: 'search' };
    expect(readChatRequest({ ...body, understudy }, {})).toEqual({ request: body, timeoutMs: 120_000, ...understudy });
  });

  it('lets the header outdo the field, and keeps the rest of the field', () => {
    const understudy = { routing: { preferred: 'a/x', fallbacks: ['b/y'] } };
    const { routing } = readChatRequest({ ...body, understudy }, { 'x-understudy-preferred': 'c/z' });
    expect(routing).toEqual({ preferred: 'c/z', fallbacks: ['b/y'] });
  });

  it('refuses a stream, naming the field', () => {
    const error = refusalOf({ ...body, stream: true }, {});
    expect(error).toMatchObject({ code: 'invalid_request', field: 'stream' });
    expect(error.message).toContain('streaming is not supported yet');
  });

  it.each([
    [{ ...body, understudy: { routing: { prefered: 'a/x' } } }, 'understudy.routing.prefered'],
    [{ ...body, understudy: { routing: { preferred: 7 } } }, 'understudy.routing.preferred'],
    [{ ...body, understudy: 'a/x' }, 'understudy'],
  ])('refuses a wrong field of ours, naming it: %#', (wrong, field) => {
    expect(refusalOf(wrong, {})).toMatchObject({ code: 'invalid_request', field });
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
