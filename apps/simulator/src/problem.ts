import type { z } from 'zod';

/** One thing wrong with some input: where (dotted path) and what would be right. */
export interface Problem {
  field: string;
  message: string;
}

/** Every problem zod found, each under the path of the offending value; `root` names the input as a whole. */
export function listProblems(error: z.ZodError, root: string): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        field: [...path, key].join('.'),
        message: 'unknown field: remove it or check its spelling',
      }));
    }
    // The name of a record's entry is wrong; what is wrong with it lies one level deeper.
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    return [{ field: path.join('.') || root, message }];
  });
}

/** The problems as lines for a person, one each. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map((problem) => `  ${problem.field}: ${problem.message}`).join('\n');
}
