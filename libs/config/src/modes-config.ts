import { z } from 'zod';
import type { ConfigProblem } from './config-error.js';
import { milliseconds } from './scalars.js';

const modeName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]*$/i, 'use letters, digits, - and _ only')
  .refine((name) => name !== 'auto', 'is the word for the automatic choice; take another name');

/** Which of two modes a target belongs to; without it, to both. */
export const modeOfTarget = modeName.optional();

/** Two groups of targets: one is normal, the other takes over when the whole of the first fails. */
export const modesSchema = z.strictObject({
  primary: modeName.default('relay'),
  secondary: modeName.default('direct'),
  /** Every target of the primary mode down for this long without a break: the other mode comes first. */
  switchAfterMs: milliseconds(1, 86_400_000).default(300_000),
  /** A target of the primary mode up for this long without a break: back to normal. */
  returnAfterMs: milliseconds(1, 86_400_000).default(120_000),
});

/** A problem for each mode that has no target, and for each target whose mode there is not. */
export function modeProblems(
  modes: z.infer<typeof modesSchema> | undefined,
  targets: readonly { mode?: string | undefined }[],
): ConfigProblem[] {
  if (!modes)
    return targets.flatMap(({ mode }, i) =>
      mode === undefined
        ? []
        : [{ path: `targets[${i}].mode`, message: 'means nothing without modes; add modes: { primary, secondary }' }],
    );
  const { primary, secondary } = modes;
  if (primary === secondary) return [{ path: 'modes.secondary', message: 'is the primary mode again; name another' }];
  const strangers = targets.flatMap(({ mode }, i) =>
    mode === undefined || mode === primary || mode === secondary
      ? []
      : [{ path: `targets[${i}].mode`, message: `no mode is called "${mode}"; known: ${primary}, ${secondary}` }],
  );
  const empty = (['primary', 'secondary'] as const)
    .filter((role) => !targets.some(({ mode }) => mode === modes[role]))
    .map((role) => ({ path: `modes.${role}`, message: `no target has mode: ${modes[role]}; give it at least one` }));
  return [...strangers, ...empty];
}
