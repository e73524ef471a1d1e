import { asFields, errorFields, textOf } from './classification/error-fields.js';
import { durationMs } from './duration-text.js';

/** Headers as undici gives them. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** No provider's wish keeps us away for longer than this without being asked again. */
const MAX_WAIT_MS = 86_400_000;

/** First value of a header. */
export function headerValue(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * How long a provider asks us to stay away, in milliseconds from `now`. The more exact wish wins: `retry-after-ms`,
 * `x-ms-retry-after-ms`, `retry-after` in seconds or as a date, Gemini's RetryInfo in the body, a relay's `resets_at`.
 * @param body parsed JSON of the error, where there is one
 * @returns a whole number from 0 to a day; undefined when nothing usable was said
 */
export function retryAfterMs(headers: Headers, now: number, body?: unknown): number | undefined {
  for (const name of ['retry-after-ms', 'x-ms-retry-after-ms']) {
    const ms = numberOf(headerValue(headers, name));
    if (ms !== undefined) return boundedWaitMs(ms);
  }
  const text = headerValue(headers, 'retry-after');
  const seconds = numberOf(text);
  const wait = seconds === undefined ? (untilHttpDate(text, now) ?? waitInBody(body, now)) : seconds * 1000;
  return wait === undefined ? undefined : boundedWaitMs(wait);
}

/** Begins like an HTTP date, in any of its three forms: Date.parse would also take "1", "May" or "-5" for one. */
const HTTP_DATE = /^(mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? /i;

/** The oldest form says nothing of a zone, and means GMT like the others. */
function untilHttpDate(text: string | undefined, now: number): number | undefined {
  if (text === undefined || !HTTP_DATE.test(text)) return undefined;
  return untilDate(/ \d{4}$/.test(text) ? `${text} GMT` : text, now);
}

function waitInBody(body: unknown, now: number): number | undefined {
  const error = asFields(errorFields(body, false));
  const details: unknown[] = Array.isArray(error['details']) ? error['details'] : [];
  for (const detail of details) {
    const ms = durationMs(textOf(asFields(detail)['retryDelay']));
    if (ms !== undefined) return ms;
  }
  const resetsAt = asFields(error['metadata'])['resets_at'];
  return typeof resetsAt === 'string' && /^\d{4}-\d\d-\d\dT/.test(resetsAt) ? untilDate(resetsAt, now) : undefined;
}

function untilDate(text: string, now: number): number | undefined {
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

/** The number that a header is; undefined for anything that is not just a number. */
export function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d+(\.\d+)?$/.test(text.trim())) return undefined;
  return Number(text);
}

/** A wait that can be trusted with a timer: whole milliseconds, from 0 to a day. */
export const boundedWaitMs = (ms: number): number => Math.min(Math.max(0, Math.round(ms)), MAX_WAIT_MS);
