import { headerValue, type Headers } from '../retry-after.js';
import { asFields, errorFields, textOf, type Fields } from './error-fields.js';
import { statusMeantBy } from './status-of-name.js';

/** What a provider told us about a failure, in one shape whoever sent it. */
export interface ErrorSignal {
  /** HTTP status; for an error inside a 200, the status that its code or name stands for, else 500. */
  status: number;
  /** Whether `status` was said, by HTTP or by name, and not assumed. */
  isStatusKnown: boolean;
  /** Codes and types, most specific first; lower case. */
  names: string[];
  message: string;
  /** Relays name the budget that ran out, */
  limitSource: string;
  /** say that it fills up again, */
  budgetResets: boolean;
  /** or why they moderated the prompt. */
  isModerated: boolean;
  /** Quotas that Google says are used up; `model` is empty for one that is not counted per model. */
  exhaustedQuotas: readonly { id: string; model: string }[];
  /** A wait was announced: what looks like an empty account is only busy. */
  announcesRetry: boolean;
  /** Whether the body was an error object of a provider at all, and not a page of something in between. */
  fromProvider: boolean;
}

/** An answer that may report an error. */
export interface ProviderAnswer {
  status: number;
  headers: Headers;
  /** Parsed JSON, or the text when it is none. */
  body: unknown;
  /** It was sent as an error whatever its status and its shape: an `event: error` of a stream. */
  isError?: boolean;
}

/**
 * Reads an answer that reports an error: by its status, or by an error object inside a 200.
 * @returns undefined when nothing in it reports one
 */
export function readErrorSignal({ status, headers, body, isError }: ProviderAnswer): ErrorSignal | undefined {
  const isSuccess = status < 300;
  const awsName = bareAwsName(headerValue(headers, 'x-amzn-errortype') ?? asFields(body)['__type']);
  const error = errorFields(body, isSuccess && !isError);
  if (isSuccess && !isError && error === undefined && awsName === undefined) return undefined;

  const fields = asFields(error);
  const metadata = asFields(fields['metadata']);
  const names = namesIn(fields, metadata, awsName);
  const said = isSuccess ? statusMeantBy(names) : status;
  return {
    status: said ?? 500,
    isStatusKnown: said !== undefined,
    names,
    message: typeof error === 'string' ? error : messageIn(fields) || textOf(body),
    limitSource: textOf(metadata['limit_source']),
    budgetResets: metadata['resets_at'] !== undefined && metadata['resets_at'] !== null,
    isModerated: Array.isArray(metadata['reasons']) && metadata['reasons'].length > 0,
    exhaustedQuotas: quotasIn(fields),
    announcesRetry: ['retry-after', 'retry-after-ms', 'x-ms-retry-after-ms'].some(
      (name) => headerValue(headers, name) !== undefined,
    ),
    fromProvider: typeof error === 'string' ? error !== '' : names.length > 0 || messageIn(fields) !== '',
  };
}

/** Details first, then code, type and status: from what a provider says about this error to what it says about many. */
function namesIn(fields: Fields, metadata: Fields, awsName: string | undefined): string[] {
  const { details } = fields;
  const reasons = Array.isArray(details) ? details.map((detail) => asFields(detail)['reason']) : [];
  const all = [
    asFields(details)['error_code'],
    ...reasons,
    asFields(fields['innererror'])['code'],
    fields['code'],
    metadata['error_type'],
    fields['type'],
    fields['status'],
    awsName,
  ];
  return all
    .filter((name) => typeof name === 'string' || typeof name === 'number')
    .map((name) => String(name).toLowerCase())
    .filter((name) => name !== '');
}

/** `QuotaFailure` of Google: `{violations: [{quotaId, quotaDimensions: {model}}]}` among the details. */
function quotasIn({ details }: Fields): { id: string; model: string }[] {
  const violations = (Array.isArray(details) ? details : []).flatMap((detail): unknown[] => {
    const { violations: list } = asFields(detail);
    return Array.isArray(list) ? list : [];
  });
  return violations.map((violation) => {
    const { quotaId, quotaDimensions } = asFields(violation);
    return { id: textOf(quotaId), model: textOf(asFields(quotaDimensions)['model']) };
  });
}

const messageIn = (fields: Fields) =>
  textOf(fields['message']) || textOf(fields['Message']) || textOf(fields['detail']);

/** `com.amazon#ThrottlingException:http://…` → `ThrottlingException`. */
const bareAwsName = (name: unknown) => (typeof name === 'string' ? name.split(':')[0]?.split('#').pop() : undefined);
