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
  const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue));
  const list = problems.map((p) => (p.field ? `${p.field}: ${p.message}` : p.message)).join('; ');
  throw new UnderstudyError('invalid_request', `The ${what} is not valid: ${list}`, { field: problems[0]?.field });
}

interface Problem {
  field: string;
  message: string;
}

function problemsOf(issue: z.core.$ZodIssue, inside: readonly PropertyKey[] = []): Problem[] {
  const path = [...inside, ...issue.path];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: formatPath([...path, key]),
      message: 'unknown field; remove it or correct its name',
    }));
  if (issue.code === 'invalid_union') {
    // The form that was meant is the one in which the mistake lies deepest.
    const deepest = issue.errors.filter((branch) => branch.some((nested) => nested.path.length > 0)).at(0);
    if (deepest) return deepest.flatMap((nested) => problemsOf(nested, path));
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return [{ field: formatPath(path), message: `is missing; expected ${issue.expected}` }];
  return [{ field: formatPath(path), message: issue.message }];
}
