import { DEFAULT_POLICY, policyProblems, type HealthPolicy } from '#libs/health-core';
import { z } from 'zod';
import type { ConfigProblem } from './config-error.js';
import { anyNumber } from './scalars.js';

type PolicyNumber = Exclude<keyof HealthPolicy, 'scoring'>;

const policyNumbers = Object.keys(DEFAULT_POLICY).filter((field): field is PolicyNumber => field !== 'scoring');

/** How health is judged. Every number of the core's policy may be set; what is left out keeps its default. */
export const healthSchema = z
  .strictObject({
    /** How scores are computed: `article` as in the article, `adaptive` as the core's README describes. */
    scoring: z.enum(['adaptive', 'article']).default('adaptive'),
    policy: z
      .strictObject(
        Object.fromEntries(policyNumbers.map((field) => [field, anyNumber().optional()])) as Record<
          PolicyNumber,
          z.ZodOptional<ReturnType<typeof anyNumber>>
        >,
      )
      .prefault({}),
  })
  .prefault({});

/** The whole policy, and a problem for each value that makes no sense by itself or beside another. */
export function resolvePolicy({ scoring, policy }: z.infer<typeof healthSchema>): {
  policy: HealthPolicy;
  problems: ConfigProblem[];
} {
  const set = Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
  const resolved: HealthPolicy = { ...DEFAULT_POLICY, ...set, scoring };
  const problems = policyProblems(resolved).map(({ field, message }) => ({
    path: `health.policy.${field}`,
    // The path names the field already.
    message: message.replace(`${field} `, ''),
  }));
  return { policy: resolved, problems };
}
