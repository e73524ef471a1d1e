import type { FailureClass } from '#libs/health-core';
import { FAILURE_CLASSES } from '#libs/health-core';
import { describe, expect, test } from 'vitest';
import { AttemptAbort } from '../attempt-abort.js';
import { classifyError } from './classify-error.js';
import { classifyThrown } from './classify-thrown.js';

const NOW = Date.UTC(2026, 0, 1);

type Row = [failure: FailureClass, status: number, body: unknown, headers?: Record<string, string>];

const openAi = (type: string | null, code: string | number | null, message = 'no') => ({
  error: { type, code, message, param: null },
});
const anthropic = (type: string, message = 'no', errorCode?: string) => ({
  type: 'error',
  error: { type, message, ...(errorCode && { details: { error_code: errorCode } }) },
});
const gemini = (code: number, status: string, message = 'no', ...details: object[]) => ({
  error: { code, status, message, details },
});
const azure = (code: string, message = 'no', innererror?: object) => ({ error: { code, message, innererror } });
const relay = (code: number, message = 'no', metadata?: object) => ({ error: { code, message, metadata } });
const aws = (name: string) => ({ 'x-amzn-errortype': `${name}:http://internal.amazon.com/` });

/** One row per signal of a provider: the class it must get. */
const ROWS: Record<string, Row[]> = {
  OpenAI: [
    ['rate_limited', 429, openAi('requests', 'rate_limit_exceeded')],
    ['rate_limited', 429, openAi('tokens', 'rate_limit_exceeded', 'Request too large: too many tokens per minute')],
    ['rate_limited', 429, openAi('rate_limit_error', 'slow_down')],
    ['rate_limited', 503, openAi('service_unavailable_error', 'slow_down')],
    ['quota', 429, openAi('insufficient_quota', 'insufficient_quota', 'You exceeded your current quota')],
    ['quota', 429, openAi('insufficient_quota', null)],
    ['quota', 429, openAi('insufficient_quota', 'credit_balance_exhausted')],
    ['quota', 429, openAi('insufficient_quota', 'organization_spend_limit_exceeded')],
    ['quota', 429, openAi('insufficient_quota', 'project_spend_limit_exceeded')],
    ['quota', 429, openAi('insufficient_quota', 'organization_usage_limit_exceeded')],
    ['auth', 401, openAi('invalid_request_error', 'invalid_api_key', 'Incorrect API key provided')],
    ['auth', 401, openAi('invalid_request_error', null, 'You must be a member of an organization')],
    ['auth', 403, openAi('invalid_request_error', null, 'You have no access to this')],
    ['region', 403, openAi('request_forbidden', 'unsupported_country_region_territory')],
    ['model_gone', 404, openAi('invalid_request_error', 'model_not_found')],
    ['model_gone', 403, openAi('invalid_request_error', 'model_not_found')],
    ['model_gone', 404, openAi('invalid_request_error', null, 'The model `gpt-4` has been deprecated')],
    ['context_length', 400, openAi('invalid_request_error', 'context_length_exceeded')],
    ['unsupported_param', 400, openAi('invalid_request_error', 'unsupported_parameter')],
    ['unsupported_param', 400, openAi('invalid_request_error', 'unsupported_value')],
    ['unsupported_param', 400, openAi('invalid_request_error', null, 'Invalid service_tier argument')],
    ['content_filter', 400, openAi('invalid_request_error', 'content_policy_violation')],
    ['bad_request', 400, openAi('invalid_request_error', null, "Invalid value for 'temperature'")],
    ['bad_request', 415, openAi('invalid_request_error', null)],
    ['server_error', 500, openAi('server_error', null)],
    ['server_error', 502, openAi(null, null)],
    ['overloaded', 503, openAi('service_unavailable_error', 'server_is_overloaded')],
    ['overloaded', 503, openAi('service_unavailable_error', null)],
    ['timeout', 408, openAi(null, null)],
    ['server_error', 409, openAi(null, null)],
    ['server_error', 425, openAi(null, null)],
    ['server_error', 520, ''],
    ['server_error', 521, ''],
    ['timeout', 522, ''],
    ['server_error', 523, ''],
    ['timeout', 524, ''],
    ['server_error', 526, ''],
  ],
  Anthropic: [
    ['overloaded', 529, anthropic('overloaded_error', 'Overloaded')],
    ['overloaded', 200, anthropic('overloaded_error', 'Overloaded')],
    ['rate_limited', 429, anthropic('rate_limit_error'), { 'retry-after': '3' }],
    ['rate_limited', 429, anthropic('rate_limit_error', 'no', 'ramp_limit_exceeded')],
    ['quota', 429, anthropic('rate_limit_error', 'no', 'enforced_spend_limit_reached')],
    ['quota', 429, anthropic('rate_limit_error', 'no', 'contract_spend_limit_reached')],
    ['quota', 400, anthropic('invalid_request_error', 'Your credit balance is too low to access the API')],
    ['quota', 400, anthropic('invalid_request_error', 'You have reached your specified API usage limits')],
    ['quota', 402, anthropic('billing_error')],
    ['auth', 400, anthropic('invalid_request_error', 'no', 'organization_on_hold')],
    ['auth', 401, anthropic('authentication_error')],
    ['auth', 403, anthropic('permission_error')],
    ['model_gone', 404, anthropic('not_found_error', 'model: claude-0')],
    ['server_error', 409, anthropic('conflict_error')],
    ['too_large', 413, anthropic('request_too_large')],
    ['bad_request', 400, anthropic('invalid_request_error', 'no', 'image_dimensions_too_large')],
    ['server_error', 500, anthropic('api_error')],
    ['timeout', 504, anthropic('timeout_error')],
    ['context_length', 400, anthropic('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum')],
  ],
  Gemini: [
    ['rate_limited', 429, gemini(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan')],
    [
      'rate_limited',
      429,
      gemini(
        429,
        'RESOURCE_EXHAUSTED',
        'You exceeded your current quota',
        { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId: 'RequestsPerDay' }] },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '36s' },
      ),
    ],
    ['quota', 402, gemini(402, 'RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted')],
    ['quota', 400, gemini(400, 'FAILED_PRECONDITION', 'Please enable billing on project 7')],
    ['auth', 400, gemini(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.')],
    ['auth', 400, gemini(400, 'INVALID_ARGUMENT', 'no', { reason: 'API_KEY_INVALID' })],
    ['region', 400, gemini(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.')],
    ['auth', 403, gemini(403, 'PERMISSION_DENIED')],
    ['model_gone', 404, gemini(404, 'NOT_FOUND', 'models/x is not found for API version v1')],
    ['bad_request', 400, gemini(400, 'INVALID_ARGUMENT')],
    ['timeout', 499, gemini(499, 'CANCELLED')],
    ['server_error', 500, gemini(500, 'INTERNAL')],
    ['overloaded', 503, [gemini(503, 'UNAVAILABLE', 'The model is overloaded')]],
    ['timeout', 504, gemini(504, 'DEADLINE_EXCEEDED')],
    ['rate_limited', 200, { error: { code: 'resource_exhausted', message: 'no' } }],
  ],
  DeepSeek: [
    ['quota', 402, openAi('unknown_error', 'invalid_request_error', 'Insufficient Balance')],
    ['bad_request', 422, openAi('invalid_request_error', 'invalid_request_error', 'Invalid parameters')],
    ['auth', 401, openAi('authentication_error', 'invalid_request_error', 'Authentication Fails')],
    ['rate_limited', 429, openAi(null, null)],
    ['overloaded', 503, openAi(null, null)],
  ],
  Azure: [
    ['content_filter', 400, azure('content_filter')],
    ['content_filter', 400, azure('BadRequest', 'no', { code: 'ResponsibleAIPolicyViolation' })],
    ['auth', 401, azure('401', 'Access denied due to invalid subscription key')],
    ['auth', 403, azure('403', 'Access denied due to Virtual Network/Firewall rules')],
    ['model_gone', 404, azure('DeploymentNotFound')],
    ['model_gone', 410, azure('ServiceModelDeprecating')],
    ['overloaded', 429, azure('429', 'The service is currently experiencing high demand')],
    ['rate_limited', 429, azure('RateLimitReached', 'Requests have exceeded the call rate limit of your tier')],
    ['rate_limited', 429, azure('429', 'Rate adjustment'), { 'x-ms-retry-after-ms': '700' }],
  ],
  Bedrock: [
    ['rate_limited', 429, { message: 'Too many tokens, please wait' }, aws('ThrottlingException')],
    ['rate_limited', 429, { message: 'no' }, aws('ModelNotReadyException')],
    ['rate_limited', 400, { __type: 'com.amazon#ServiceQuotaExceededException', message: 'no' }],
    ['bad_request', 400, { message: 'no' }, aws('ValidationException')],
    ['model_gone', 400, { message: 'This model version has reached end of life' }, aws('ValidationException')],
    ['auth', 403, { message: 'no' }, aws('AccessDeniedException')],
    ['auth', 403, { Message: 'no' }, aws('UnrecognizedClientException')],
    ['auth', 403, { message: 'no' }, aws('ExpiredTokenException')],
    ['auth', 403, { message: 'no' }, aws('InvalidSignatureException')],
    ['model_gone', 404, { message: 'no' }, aws('ResourceNotFoundException')],
    ['timeout', 408, { message: 'no' }, aws('ModelTimeoutException')],
    ['server_error', 424, { message: 'no' }, aws('ModelErrorException')],
    ['server_error', 424, { message: 'no' }, aws('ModelStreamErrorException')],
    ['server_error', 500, { message: 'no' }, aws('InternalServerException')],
    ['overloaded', 503, { message: 'no' }, aws('ServiceUnavailableException')],
    ['rate_limited', 200, { __type: 'com.amazon#ThrottlingException', message: 'no' }],
  ],
  'OpenRouter or another relay': [
    ['server_error', 200, relay(502, 'Provider returned error')],
    ['overloaded', 200, relay(529)],
    ['rate_limited', 200, { error: { type: 'rate_limit_error', message: 'no' } }],
    ['auth', 200, { error: { code: 'invalid_api_key', message: 'no' } }],
    ['quota', 200, { error: { message: 'Your credit balance is too low' } }],
    ['server_error', 200, { error: { message: 'something went wrong' } }],
    ['server_error', 200, { error: 'something went wrong' }],
    ['rate_limited', 402, relay(402, 'no', { limit_source: 'openrouter_in_flight_budget' })],
    ['rate_limited', 402, relay(402), { 'retry-after': '2' }],
    ['quota', 402, relay(402, 'no', { limit_source: 'openrouter_credits' })],
    ['quota', 402, relay(402, 'no', { limit_source: 'openrouter_key_limit' })],
    ['quota', 403, relay(403, 'no', { resets_at: '2026-01-02T00:00:00Z' })],
    ['content_filter', 403, relay(403, 'no', { reasons: ['violence'] })],
    ['content_filter', 403, relay(403, 'Your input was flagged')],
    ['model_gone', 404, relay(404, 'No endpoints found for this model')],
    ['timeout', 408, relay(408)],
    ['server_error', 502, relay(502)],
    ['overloaded', 503, relay(503)],
    ['overloaded', 502, relay(502, 'no', { error_type: 'provider_overloaded' })],
    ['quota', 403, { error: { code: 'insufficient_user_quota', message: 'no', type: 'new_api_error' } }],
  ],
  'something in between': [
    ['bad_response', 400, '<html>Bad Request: moderation</html>'],
    ['bad_response', 400, ''],
    ['bad_response', 302, ''],
    ['auth', 401, ''],
    ['server_error', 502, '<html>Bad Gateway</html>'],
    ['model_gone', 405, ''],
  ],
};

describe.each(Object.entries(ROWS))('an error of %s', (_provider, rows) => {
  test.each(rows)('is %s: %i %j %j', (failure, status, body, headers = {}) => {
    expect(classifyError({ status, headers, body }, NOW)?.failure).toBe(failure);
  });
});

/** What is thrown when no answer arrives, as libraries bury it. */
const buried = (code: string) =>
  new TypeError('fetch failed', { cause: new Error('x', { cause: Object.assign(new Error('y'), { code }) }) });

const THROWN: [failure: FailureClass, error: unknown, name?: string][] = [
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].map(
    (code) => ['connection', buried(code), code] as [FailureClass, unknown, string],
  ),
  ['connection', buried('UND_ERR_SOCKET'), 'UND_ERR_SOCKET'],
  ['connection', buried('UND_ERR_CONNECT_TIMEOUT'), 'UND_ERR_CONNECT_TIMEOUT'],
  ...['ENOTFOUND', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER', 'CERT_HAS_EXPIRED'].map(
    (code) => ['dns_tls', buried(code), code] as [FailureClass, unknown, string],
  ),
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'].map(
    (code) => ['dns_tls', buried(code), code] as [FailureClass, unknown, string],
  ),
  ['timeout', buried('UND_ERR_HEADERS_TIMEOUT'), 'UND_ERR_HEADERS_TIMEOUT'],
  ['timeout', buried('UND_ERR_BODY_TIMEOUT'), 'UND_ERR_BODY_TIMEOUT'],
  ['bad_response', buried('HPE_INVALID_CONSTANT'), 'HPE_INVALID_CONSTANT'],
  ['bad_response', buried('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'],
  ['bad_response', buried('UND_ERR_HEADERS_OVERFLOW'), 'UND_ERR_HEADERS_OVERFLOW'],
  ['connection', new AttemptAbort('connect', 5)],
  ['timeout', new AttemptAbort('first_token', 5)],
  ['timeout', new AttemptAbort('idle', 5)],
  ['timeout', new AttemptAbort('total', 5)],
  ['timeout', new AttemptAbort('too_slow', 5)],
  ['cancelled', new AttemptAbort('caller')],
  ['shutdown', new AttemptAbort('shutdown')],
];

describe('a call without an answer', () => {
  test.each(THROWN.map(([failure, error, name = String(error)]) => ({ failure, error, name })))(
    'is $failure: $name',
    ({ failure, error }) => {
      expect(classifyThrown(error)).toBe(failure);
    },
  );
});

test('every class of the union has a row, but for the one that a stream alone can tell', () => {
  const seen = new Set<FailureClass>([
    ...Object.values(ROWS).flatMap((rows) => rows.map(([failure]) => failure)),
    ...THROWN.map(([failure]) => failure),
  ]);
  expect(FAILURE_CLASSES.filter((failure) => !seen.has(failure))).toEqual(['stream_broken']);
});

test('the word quota alone is a rate limit, the code is money', () => {
  const body = openAi('requests', null, 'quota for this minute is used up');
  expect(classifyError({ status: 429, headers: {}, body }, NOW)?.failure).toBe('rate_limited');
});

test.each([
  ['a completion', { id: 'x', choices: [] }],
  ['a completion that says it has no error', { id: 'x', choices: [], error: null }],
  ['text', 'hello'],
])('%s inside a 200 is no error', (_what, body) => {
  expect(classifyError({ status: 200, headers: {}, body }, NOW)).toBeUndefined();
});

test('an error event of a stream is an error whatever its shape', () => {
  const event = { status: 200, headers: {}, body: { code: 503, message: 'busy' }, isError: true };
  expect(classifyError(event, NOW)).toMatchObject({ failure: 'overloaded', message: 'busy' });
  expect(classifyError({ ...event, body: 'busy' }, NOW)?.failure).toBe('server_error');
});

test('only a refusal for pace is told to wait for the limit that is used up', () => {
  const headers = { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' };
  expect(classifyError({ status: 429, headers, body: '' }, NOW)?.retryAfterMs).toBe(360_000);
  expect(classifyError({ status: 500, headers, body: '' }, NOW)?.retryAfterMs).toBeUndefined();
});
