import { durationMs } from './duration-text.js';
import { boundedWaitMs, headerValue, type Headers, numberOf } from './retry-after.js';

/** `x-ratelimit-remaining-tokens` of OpenAI and those like it, `anthropic-ratelimit-input-tokens-remaining`, `x-ratelimit-remaining`. */
const REMAINING = /^(?:x-ratelimit-remaining(-[\w-]+)?|anthropic-ratelimit-([\w-]+)-remaining)$/;

/**
 * When the rate limits that are used up are full again, in milliseconds from `now`; the longest when there are several.
 * OpenAI's reset is the time to the full limit and so longer than necessary: only for where nothing better was said.
 * @returns a whole number from 0 to a day; undefined when no limit is used up, or nothing usable was said
 */
export function exhaustedLimitMs(headers: Headers, now: number): number | undefined {
  let longest: number | undefined;
  for (const name of Object.keys(headers)) {
    const match = REMAINING.exec(name);
    if (!match || numberOf(headerValue(headers, name)) !== 0) continue;
    const [, dimension = '', ofAnthropic] = match;
    const reset = headerValue(
      headers,
      ofAnthropic ? `anthropic-ratelimit-${ofAnthropic}-reset` : `x-ratelimit-reset${dimension}`,
    );
    const waitMs = resetMs(reset, now);
    if (waitMs !== undefined) longest = Math.max(longest ?? 0, waitMs);
  }
  return longest === undefined ? undefined : boundedWaitMs(longest);
}

/** A Go duration, an RFC 3339 date, seconds, or a time since 1970 in seconds or milliseconds. */
function resetMs(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const number = numberOf(text);
  if (number !== undefined) return number < 1e9 ? number * 1000 : (number < 1e11 ? number * 1000 : number) - now;
  if (/^\d{4}-\d\d-\d\dT/.test(text)) {
    const at = Date.parse(text);
    return Number.isNaN(at) ? undefined : at - now;
  }
  return durationMs(text);
}
