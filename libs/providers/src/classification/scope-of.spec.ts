import { expect, test } from 'vitest';
import { classifyError } from './classify-error.js';

const aws = (name: string) => ({ 'x-amzn-errortype': `${name}:http://internal.amazon.com/` });
const gemini429 = (...violations: object[]) => ({
  error: {
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'no',
    details: [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations }],
  },
});
const scope = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  classifyError({ status, headers, body }, 0)?.scope;

test.each([
  ['401, whatever it says', 401, { error: { message: 'no' } }, {}, 'key'],
  ['403 without a word', 403, { error: { message: 'you may not use this model' } }, {}, 'target'],
  ['403 permission_error of Anthropic', 403, { error: { type: 'permission_error', message: 'no' } }, {}, 'target'],
  ['a 401 inside a 200', 200, { error: { code: 401, message: 'no' } }, {}, 'key'],
  ['a 403 inside a 200', 200, { error: { code: 403, message: 'no' } }, {}, 'target'],
  ['403 that calls the key invalid', 403, { error: { message: 'Incorrect API key provided' } }, {}, 'key'],
  ['403 with a code of the key', 403, { error: { code: 'invalid_api_key', message: 'no' } }, {}, 'key'],
  [
    'a key that Gemini does not know',
    400,
    { error: { code: 400, status: 'INVALID_ARGUMENT', message: 'no', details: [{ reason: 'API_KEY_INVALID' }] } },
    {},
    'key',
  ],
  ['Bedrock: a key that it does not know', 403, {}, aws('UnrecognizedClientException'), 'key'],
  ['Bedrock: a wrong signature', 403, {}, aws('InvalidSignatureException'), 'key'],
  ['Bedrock: an expired token', 403, {}, aws('ExpiredTokenException'), 'key'],
  ['Bedrock: no token', 403, { __type: 'com.amazon.coral#MissingAuthenticationTokenException' }, {}, 'key'],
  [
    'Bedrock: no access, told without a status',
    200,
    { error: { code: 'AccessDeniedException', message: 'no' } },
    {},
    'target',
  ],
  ['Bedrock: no access to the model', 403, {}, aws('AccessDeniedException'), 'target'],
] as const)('auth: %s concerns the %#', (_what, status, body, headers, expected) => {
  expect(classifyError({ status, headers, body }, 0)?.failure).toBe('auth');
  expect(scope(status, body, headers)).toBe(expected);
});

test.each([
  ['Gemini, per project', gemini429({ quotaId: 'GenerateRequestsPerMinutePerProject' }), 'key'],
  [
    'Gemini, per project and model',
    gemini429({ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }),
    undefined,
  ],
  [
    'Gemini, counted per model',
    gemini429({ quotaId: 'InputTokensPerMinutePerProject', quotaDimensions: { model: 'gemini-2.5-pro' } }),
    undefined,
  ],
  ['Gemini, without a quota', gemini429(), undefined],
  [
    'Gemini, garbage',
    { error: { code: 429, message: 'no', details: [{ violations: [null, 5, { quotaId: 7 }] }] } },
    undefined,
  ],
  [
    'a relay with calls under way',
    { error: { code: 429, metadata: { limit_source: 'openrouter_in_flight_budget' } } },
    'key',
  ],
  [
    'OpenAI, which counts per model',
    { error: { code: 'rate_limit_exceeded', type: 'tokens', message: 'organization' } },
    undefined,
  ],
  [
    'Anthropic, which counts per model',
    { type: 'error', error: { type: 'rate_limit_error', message: 'no' } },
    undefined,
  ],
])('a 429 of %s', (_who, body, expected) => {
  expect(classifyError({ status: 429, headers: {}, body }, 0)?.failure).toBe('rate_limited');
  expect(scope(429, body)).toBe(expected);
});
