import type { IncomingHttpHeaders } from 'node:http';
import { PRIORITIES, UnderstudyError } from '#libs/contracts';
import { z } from 'zod';
import { nearestName } from './nearest-name.js';

/** Nobody may hold a connection longer than this. */
export const MAX_TIMEOUT_MS = 3_600_000;

/** A month, as in the configuration's `jobs.deadlineMs`. */
const MAX_DEADLINE_MS = 30 * 86_400_000;

const milliseconds = (most: number) => {
  const error = `must be a whole number of milliseconds from 1 to ${most}`;
  return z.string().regex(/^\d+$/, error).transform(Number).pipe(z.number(error).min(1, error).max(most, error));
};
const oneOf = <const T extends readonly string[]>(words: T) =>
  z.enum(words, { error: `must be one of: ${words.join(', ')}` });
const text = (most: number) => z.string().min(1, 'must not be empty').max(most, `must have at most ${most} characters`);

/** What the names of our own headers begin with. */
const OURS = 'x-understudy-';

/** Names are up to their sender, and errors are not to be. */
const MAX_TOLD = 100;

/** Headers of ours, and what each may say. Node joins a header that comes twice with a comma. */
const HEADERS = {
  'x-understudy-preferred': text(256),
  'x-understudy-timeout-ms': milliseconds(MAX_TIMEOUT_MS),
  'x-understudy-deadline-ms': milliseconds(MAX_DEADLINE_MS),
  'x-understudy-priority': oneOf(PRIORITIES),
  'x-understudy-tenant': text(128),
  'x-understudy-stream': oneOf(['live', 'whole']),
  'x-understudy-keep': oneOf(['true', 'false']),
  'idempotency-key': text(255),
};

type Headers = typeof HEADERS;

/** What follows in them. */
const KNOWN = Object.keys(HEADERS).flatMap((name) => (name.startsWith(OURS) ? name.slice(OURS.length) : []));

/**
 * A header of ours that we do not know is a mistake in its name, and what it asks for would be missing without a word.
 * @throws UnderstudyError `invalid_request` with the name of the header, and the one that was probably meant
 */
export function refuseUnknownHeaders(headers: IncomingHttpHeaders): void {
  const unknown = Object.keys(headers).find(
    (name) => name.startsWith(OURS) && !KNOWN.includes(name.slice(OURS.length)),
  );
  if (unknown === undefined) return;
  const nearest = nearestName(unknown.slice(OURS.length), KNOWN);
  const known = KNOWN.map((name) => OURS + name).join(', ');
  const advice = nearest === undefined ? `known are ${known}` : `did you mean ${OURS}${nearest}?`;
  const field = unknown.slice(0, MAX_TOLD);
  throw new UnderstudyError('invalid_request', `Unknown header ${field}; remove it or correct its name: ${advice}`, {
    field,
  });
}

/**
 * The value of one header; undefined where it is missing.
 * @throws UnderstudyError `invalid_request` with the name of the header
 */
export function readHeader<N extends keyof Headers>(
  headers: IncomingHttpHeaders,
  name: N,
): z.output<Headers[N]> | undefined {
  const value = headers[name];
  if (value === undefined) return undefined;
  const parsed = HEADERS[name].safeParse(value);
  if (parsed.success) return parsed.data as z.output<Headers[N]>;
  const [problem] = parsed.error.issues;
  throw new UnderstudyError('invalid_request', `The header ${name} ${problem?.message ?? 'is wrong'}.`, {
    field: name,
  });
}
