import type { z } from 'zod';
import { assertBounded } from './bounds.js';
import { UnderstudyError } from './errors.js';

/** `['messages', 0, 'role']` → `messages[0].role`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('');
}

/** Problems that a message tells; a broken generator can produce thousands of the same. */
const MAX_PROBLEMS = 10;

/** Names come from the caller, and may be of any length. */
const MAX_NAME = 200;

/**
 * Checks `value` and returns it typed.
 * @param what what is being checked, for the message: `request`, `job`
 * @param bounded the part of it that may not hold much, as each wrong value in it would be reported. Default: all of it
 * @throws UnderstudyError `invalid_request`, whose `field` is the first wrong field and whose message lists the first ten
 */
export function parseOrThrow<T>(schema: z.ZodType<T>, value: unknown, what: string, bounded: unknown = value): T {
  assertBounded(bounded, what);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, MAX_PROBLEMS).flatMap((issue) => problemsOf(issue));
  const told = problems.slice(0, MAX_PROBLEMS).map((p) => (p.field ? `${p.field}: ${p.message}` : p.message));
  const more = Math.max(parsed.error.issues.length, problems.length) - told.length;
  if (more > 0) told.push(`and ${more} more`);
  throw new UnderstudyError('invalid_request', `The ${what} is not valid: ${told.join('; ')}`, {
    field: problems[0]?.field,
  });
}

interface Problem {
  field: string;
  message: string;
}

function problemsOf(issue: z.core.$ZodIssue, inside: readonly PropertyKey[] = []): Problem[] {
  const path = [...inside, ...issue.path];
  const field = cut(formatPath(path));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: cut(formatPath([...path, key])),
      message: 'unknown field; remove it or correct its name',
    }));
  if (issue.code === 'invalid_union') {
    // The form that was meant is the one in which the mistake lies deepest.
    const deepest = issue.errors.filter((branch) => branch.some((nested) => nested.path.length > 0)).at(0);
    if (deepest) return deepest.flatMap((nested) => problemsOf(nested, path));
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return [{ field, message: `is missing; expected ${issue.expected}` }];
  return [{ field, message: issue.message }];
}

const cut = (name: string) => (name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);
