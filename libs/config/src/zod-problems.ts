import type { z } from 'zod';
import type { ConfigProblem } from './config-error.js';

/** `['targets', 0, 'weight']` → `targets[0].weight`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('');
}

/** zod's issues in our form; an unknown field gets a path of its own. */
export function problemsOf(error: z.ZodError): ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        path: formatPath([...issue.path, key]),
        message: 'unknown field; remove it or correct its name',
      }));
    return [{ path: formatPath(issue.path), message: messageOf(issue) }];
  });
}

function messageOf(issue: z.core.$ZodIssue): string {
  // A key of a record has issues of its own; what is said of the record is only that there are some.
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  // Everything is read from YAML, where a field is never undefined but left out.
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith('received undefined'))
    return `is missing; it must be a ${issue.expected}`;
  return issue.message;
}
