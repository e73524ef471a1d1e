import { headerValue, type Headers } from '../retry-after.js';

/** What a provider told us about a failure, in one shape whoever sent it. */
export interface ErrorSignal {
  /** HTTP status; for an error inside a 200, the status that its code or name stands for. */
  status: number;
  /** Codes and types, most specific first; lower case. */
  names: string[];
  message: string;
  /** Relays name the budget that ran out. */
  limitSource: string;
  /** A wait was announced: what looks like a full account is only busy. */
  announcesRetry: boolean;
  /** Azure's content filter puts its verdict here. */
  innerCode: string;
  /** Whether the body was an error object of a provider at all, and not a page of something in between. */
  fromProvider: boolean;
}

/** Statuses behind the names under which errors arrive inside a 200 or in a stream. */
const STATUS_OF_NAME: Readonly<Record<string, number>> = {
  overloaded_error: 529,
  api_error: 500,
  server_error: 500,
  internal: 500,
  service_unavailable_error: 503,
  server_is_overloaded: 503,
  unavailable: 503,
  timeout_error: 504,
  deadline_exceeded: 504,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  resource_exhausted: 429,
  slow_down: 429,
  insufficient_quota: 429,
  billing_error: 402,
  authentication_error: 401,
  unauthenticated: 401,
  invalid_api_key: 401,
  permission_error: 403,
  permission_denied: 403,
  not_found_error: 404,
  not_found: 404,
  model_not_found: 404,
  request_too_large: 413,
  invalid_request_error: 400,
  invalid_argument: 400,
  context_length_exceeded: 400,
  content_filter: 400,
};

type Fields = Record<string, unknown>;

/** Error object of a body: `{error: {...}}`, `[{error: {...}}]` (Gemini), or the body itself (AWS, DeepSeek's plain form). */
function errorObject(body: unknown): Fields | string | undefined {
  const holder = Array.isArray(body) ? (body[0] as unknown) : body;
  if (!isFields(holder)) return undefined;
  const error = holder['error'] ?? holder;
  return typeof error === 'string' || isFields(error) ? error : undefined;
}

/**
 * Reads an answer that reports an error.
 * @param answer status, headers, and the body: parsed JSON, or its text when it is none
 * @returns undefined when a 2xx answer carries no recognisable error
 */
export function readErrorSignal(answer: { status: number; headers: Headers; body: unknown }): ErrorSignal | undefined {
  const { status, headers, body } = answer;
  const error = errorObject(body);
  const fields: Fields = isFields(error) ? error : {};
  const metadata = isFields(fields['metadata']) ? fields['metadata'] : {};
  const details = isFields(fields['details']) ? fields['details'] : {};
  const inner = isFields(fields['innererror']) ? fields['innererror'] : {};
  const awsName = headerValue(headers, 'x-amzn-errortype') ?? (isFields(body) ? body['__type'] : undefined);

  const names = [fields['code'], details['error_code'], fields['type'], fields['status'], awsBareName(awsName)]
    .filter((name) => typeof name === 'string' || typeof name === 'number')
    .map((name) => String(name).toLowerCase())
    .filter((name) => name !== '');

  const message = typeof error === 'string' ? error : text(fields['message']) || text(fields['detail']) || text(body);
  const meant = status >= 400 ? status : statusMeantBy(names);
  if (meant === undefined) return undefined;
  return {
    status: meant,
    names,
    message,
    limitSource: text(metadata['limit_source']),
    announcesRetry: headerValue(headers, 'retry-after') !== undefined,
    innerCode: text(inner['code']),
    fromProvider: typeof error === 'string' ? error !== '' : names.length > 0 || text(fields['message']) !== '',
  };
}

function statusMeantBy(names: readonly string[]): number | undefined {
  for (const name of names) {
    if (/^[45]\d\d$/.test(name)) return Number(name);
    const known = STATUS_OF_NAME[name];
    if (known !== undefined) return known;
  }
  return undefined;
}

/** `com.amazon#ThrottlingException:http://…` → `ThrottlingException`. */
const awsBareName = (name: unknown) => (typeof name === 'string' ? name.split(':')[0]?.split('#').pop() : undefined);

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === 'string' ? value : '');
