import type { z } from 'zod';
import { UnderstudyError } from './errors.js';

/** `['messages', 0, 'role']` → `messages[0].role`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('');
}

/**
 * Checks `value` and returns it typed.
 * @param what what is being checked, for the message: `request`, `job`
 * @throws UnderstudyError `invalid_request`, whose `field` is the first wrong field and whose message lists all of them
 */
export function parseOrThrow<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({ field: formatPath(issue.path), message: issue.message }));
  const list = problems.map((p) => (p.field ? `${p.field}: ${p.message}` : p.message)).join('; ');
  throw new UnderstudyError('invalid_request', `The ${what} is not valid: ${list}`, { field: problems[0]?.field });
}
