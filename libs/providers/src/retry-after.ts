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
 * How long a provider asks us to stay away, in milliseconds from `now`.
 * The more exact header wins: `retry-after-ms`, `x-ms-retry-after-ms`, `retry-after` in seconds or as a date.
 * @returns a whole number from 0 to a day; undefined when nothing usable was said
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  for (const name of ['retry-after-ms', 'x-ms-retry-after-ms']) {
    const ms = toNumber(headerValue(headers, name));
    if (ms !== undefined) return bounded(ms);
  }
  const text = headerValue(headers, 'retry-after');
  const seconds = toNumber(text);
  if (seconds !== undefined) return bounded(seconds * 1000);
  // Only a real HTTP date: Date.parse would also take "1", "May" or "-5" for one.
  if (text === undefined || !/^[A-Za-z]{3},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : bounded(date - now);
}

function toNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d+(\.\d+)?$/.test(text.trim())) return undefined;
  return Number(text);
}

const bounded = (ms: number) => Math.min(Math.max(0, Math.round(ms)), MAX_WAIT_MS);
