import { ERROR_CODES, UnderstudyError, type ErrorCode } from '#libs/contracts';
import { describe, expect, it } from 'vitest';
import { toErrorResponse } from './openai-error.js';

const now = 1_000_000;
const told = (code: ErrorCode, details = {}) =>
  toErrorResponse(new UnderstudyError(code, 'what was wrong', details), now);

describe('an error, told in OpenAI’s shape', () => {
  it.each([
    ['invalid_request', 400, 'invalid_request'],
    ['unknown_target', 400, 'unknown_target'],
    ['unknown_model', 404, 'model_not_found'],
    ['payload_too_large', 413, 'payload_too_large'],
    ['request_rejected', 400, 'request_rejected'],
    ['all_targets_failed', 502, 'all_targets_failed'],
    ['no_target_available', 503, 'no_target_available'],
    ['queue_unavailable', 503, 'queue_unavailable'],
    ['queue_full', 503, 'queue_full'],
    ['idempotency_conflict', 409, 'idempotency_conflict'],
    ['deadline_exceeded', 504, 'deadline_exceeded'],
    ['result_timeout', 504, 'result_timeout'],
    ['internal_error', 500, 'internal_error'],
  ] as const)('%s is %i with code %s', (code, status, openAiCode) => {
    const response = told(code);
    expect(response.status).toBe(status);
    expect(response.body.error).toMatchObject({ message: 'what was wrong', code: openAiCode, param: null });
  });

  it('has a type and a status for every code', () => {
    for (const code of ERROR_CODES) expect(told(code).body.error.type).toMatch(/_error$/);
  });

  it('names the wrong field as param', () => {
    expect(told('invalid_request', { field: 'messages[0].role' }).body.error.param).toBe('messages[0].role');
  });

  it.each([
    [422, 422],
    [413, 413],
    [404, 404],
    [418, 400],
    [500, 400],
  ])('tells a refusal by the provider with %i as %i', (providerStatus, status) => {
    expect(told('request_rejected', { providerStatus }).status).toBe(status);
  });

  it('says when to come back: the time at which a target is expected, else a few seconds', () => {
    expect(told('no_target_available', { nextAvailableAt: now + 12_300 }).headers['retry-after']).toBe('13');
    expect(told('no_target_available', { nextAvailableAt: now - 5_000 }).headers['retry-after']).toBe('1');
    expect(told('deadline_exceeded', { nextAvailableAt: now + 60_000 }).headers['retry-after']).toBe('60');
    expect(told('deadline_exceeded').headers).not.toHaveProperty('retry-after');
    expect(told('queue_unavailable').headers['retry-after']).toBe('5');
  });

  it('lets SDKs repeat by themselves only what may succeed then', () => {
    expect(told('queue_unavailable', { retryable: true }).headers).not.toHaveProperty('x-should-retry');
    expect(told('all_targets_failed').headers['x-should-retry']).toBe('false');
    expect(told('idempotency_conflict').headers['x-should-retry']).toBe('false');
    expect(told('result_timeout', { retryable: true }).headers['x-should-retry']).toBe('false');
  });

  it('carries the job id, so that the answer can be looked up', () => {
    expect(told('result_timeout', { jobId: 'j-1' }).headers['x-understudy-job-id']).toBe('j-1');
  });
});
