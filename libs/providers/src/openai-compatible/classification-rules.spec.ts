import type { FailureClass } from '#libs/health-core';
import { describe, expect, test } from 'vitest';
import { classifySignal } from './classification-rules.js';
import { readErrorSignal } from './error-signal.js';

type Row = [failure: FailureClass, status: number, body: unknown, headers?: Record<string, string>];

const openAi = (type: string | null, code: string | number | null, message = 'no') => ({
  error: { type, code, message, param: null },
});
const anthropic = (type: string, message = 'no', errorCode?: string) => ({
  type: 'error',
  error: { type, message, ...(errorCode && { details: { error_code: errorCode } }) },
});
const gemini = (code: number, status: string, message = 'no') => ({ error: { code, status, message } });

/** One row per signal of a provider: the class it must get. */
const ROWS: Record<string, Row[]> = {
  openai: [
    ['rate_limited', 429, openAi('requests', 'rate_limit_exceeded')],
    ['rate_limited', 429, openAi('rate_limit_error', 'slow_down')],
    ['quota', 429, openAi('insufficient_quota', 'insufficient_quota', 'You exceeded your current quota')],
    ['quota', 429, openAi('insufficient_quota', 'project_spend_limit_exceeded')],
    ['auth', 401, openAi('invalid_request_error', 'invalid_api_key', 'Incorrect API key provided')],
    ['region', 403, openAi('request_forbidden', 'unsupported_country_region_territory')],
    ['model_gone', 404, openAi('invalid_request_error', 'model_not_found')],
    ['model_gone', 403, openAi('invalid_request_error', 'model_not_found')],
    ['context_length', 400, openAi('invalid_request_error', 'context_length_exceeded')],
    ['unsupported_param', 400, openAi('invalid_request_error', 'unsupported_parameter')],
    ['content_filter', 400, openAi('invalid_request_error', 'content_policy_violation')],
    ['bad_request', 400, openAi('invalid_request_error', null, "Invalid value for 'temperature'")],
    ['server_error', 500, openAi('server_error', null)],
    ['overloaded', 503, openAi('service_unavailable_error', 'server_is_overloaded')],
    ['timeout', 408, openAi(null, null)],
    ['server_error', 409, openAi(null, null)],
    ['server_error', 520, ''],
    ['timeout', 524, ''],
  ],
  anthropic: [
    ['overloaded', 529, anthropic('overloaded_error', 'Overloaded')],
    ['rate_limited', 429, anthropic('rate_limit_error')],
    ['quota', 429, anthropic('rate_limit_error', 'no', 'enforced_spend_limit_reached')],
    ['quota', 400, anthropic('invalid_request_error', 'Your credit balance is too low to access the API')],
    ['quota', 402, anthropic('billing_error')],
    ['auth', 401, anthropic('authentication_error')],
    ['auth', 403, anthropic('permission_error')],
    ['model_gone', 404, anthropic('not_found_error', 'model: claude-0')],
    ['too_large', 413, anthropic('request_too_large')],
    ['server_error', 500, anthropic('api_error')],
    ['timeout', 504, anthropic('timeout_error')],
    ['context_length', 400, anthropic('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum')],
  ],
  gemini: [
    ['rate_limited', 429, gemini(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan')],
    ['auth', 400, gemini(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.')],
    ['region', 400, gemini(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.')],
    ['auth', 403, gemini(403, 'PERMISSION_DENIED')],
    ['model_gone', 404, gemini(404, 'NOT_FOUND', 'models/x is not found for API version v1')],
    ['overloaded', 503, [gemini(503, 'UNAVAILABLE', 'The model is overloaded')]],
    ['timeout', 504, gemini(504, 'DEADLINE_EXCEEDED')],
  ],
  deepseek: [
    ['quota', 402, openAi('unknown_error', 'invalid_request_error', 'Insufficient Balance')],
    ['bad_request', 422, openAi('invalid_request_error', 'invalid_request_error', 'Invalid parameters')],
  ],
  azure: [
    [
      'content_filter',
      400,
      { error: { code: 'content_filter', message: 'x', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
    ],
    ['model_gone', 404, { error: { code: 'DeploymentNotFound', message: 'x' } }],
    ['model_gone', 410, { error: { code: 'ServiceModelDeprecating', message: 'x' } }],
    ['rate_limited', 429, { error: { code: '429', message: 'experiencing high demand' } }],
  ],
  bedrock: [
    ['rate_limited', 429, { message: 'slow' }, { 'x-amzn-errortype': 'ThrottlingException:http://internal' }],
    ['rate_limited', 400, { __type: 'com.amazon#ServiceQuotaExceededException', message: 'x' }],
    ['server_error', 424, { message: 'x' }, { 'x-amzn-errortype': 'ModelErrorException' }],
  ],
  'a relay': [
    ['server_error', 200, { error: { code: 502, message: 'Provider returned error' } }],
    ['overloaded', 200, { error: { code: 529, message: 'x' } }],
    ['rate_limited', 200, { error: { type: 'rate_limit_error', message: 'x' } }],
    [
      'rate_limited',
      402,
      { error: { code: 402, message: 'x', metadata: { limit_source: 'openrouter_in_flight_budget' } } },
    ],
    ['quota', 402, { error: { code: 402, message: 'x', metadata: { limit_source: 'openrouter_credits' } } }],
    [
      'content_filter',
      403,
      { error: { code: 403, message: 'Your input was flagged', metadata: { reasons: ['violence'] } } },
    ],
    ['model_gone', 404, { error: { code: 404, message: 'No endpoints found for this model' } }],
  ],
  'something in between': [
    ['bad_response', 400, '<html>Bad Request</html>'],
    ['bad_response', 400, ''],
    ['server_error', 502, '<html>Bad Gateway</html>'],
    ['model_gone', 405, ''],
  ],
};

describe.each(Object.entries(ROWS))('an error of %s', (_provider, rows) => {
  test.each(rows)('is %s: %i %j', (failure, status, body, headers = {}) => {
    const signal = readErrorSignal({ status, headers, body });
    expect(signal).toBeDefined();
    expect(classifySignal(signal!)).toBe(failure);
  });
});

test('the word quota alone is a rate limit, the code is money', () => {
  const byWord = readErrorSignal({
    status: 429,
    headers: {},
    body: openAi('requests', null, 'quota for this minute is used up'),
  });
  expect(classifySignal(byWord!)).toBe('rate_limited');
});

test('a 200 without an error is no signal', () => {
  expect(readErrorSignal({ status: 200, headers: {}, body: { id: 'x', choices: [] } })).toBeUndefined();
});
