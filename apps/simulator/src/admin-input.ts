import { z } from 'zod';
import { faultSchema } from './faults/fault.js';
import { actionNames } from './faults/fault-action.js';
import { spanFields, spanIsClear, spanProblem } from './faults/fault-span.js';
import { listProblems, type Problem } from './problem.js';

/** Input of an admin request that cannot be used; answered with 400 (or the given status) and every problem. */
export class AdminInputError extends Error {
  override readonly name = 'AdminInputError';
  readonly code = 'SIMULATOR_ADMIN_INPUT';

  constructor(
    readonly problems: readonly [Problem, ...Problem[]],
    readonly status = 400,
  ) {
    super(problems[0].message);
  }
}

/** Checks input of an admin request. Throws AdminInputError. */
export function check<Schema extends z.ZodType>(schema: Schema, input: unknown, root: string): z.output<Schema> {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const [first = { field: root, message: 'is not valid' }, ...rest] = listProblems(checked.error, root);
  throw new AdminInputError([first, ...rest]);
}

/** Reads a JSON body; an empty one is an empty object. Throws AdminInputError. */
export function parseAdminBody(body: Buffer): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch {
    throw new AdminInputError([{ field: 'body', message: 'must be JSON' }]);
  }
  return check(z.record(z.string(), z.unknown(), 'must be a JSON object'), parsed, 'body');
}

const countInQuery = z.string().regex(/^\d+$/, 'must be a whole number of at least 0').transform(Number);

/** Query of `GET /admin/calls`. */
export const callsQuerySchema = z.strictObject({
  provider: z.string().optional(),
  model: z.string().optional(),
  since: countInQuery.optional(),
  limit: countInQuery.default(1_000),
  operation: z.enum(['chat', 'embeddings', 'models'], 'must be one of: chat, embeddings, models').optional(),
  /** `1`: with the requests as they came. */
  bodies: z.literal('1', 'must be 1, or left out').optional(),
});

/** Query of what takes a scope: nothing, a provider, or a model of a provider. */
export const scopeQuerySchema = z
  .strictObject({ provider: z.string().optional(), model: z.string().optional() })
  .refine((scope) => scope.model === undefined || scope.provider !== undefined, {
    path: ['provider'],
    error: 'must be given with model',
  });

/** Query of `DELETE /admin/calls`. */
export const providerQuerySchema = z.strictObject({ provider: z.string().optional() });

/** Body of `POST /admin/faults`. */
export const faultBodySchema = z
  .strictObject({ provider: z.string(), model: z.string().optional(), fault: faultSchema, ...spanFields })
  .refine(spanIsClear, spanProblem);

/** The last part of `POST /admin/providers/<name>/<action>`. */
export const actionNameSchema = z.enum(actionNames, `must be one of: ${actionNames.join(', ')}`);
