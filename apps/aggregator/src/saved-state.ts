import { z } from 'zod';
import type { TargetState } from '#libs/health-core';
import type { ReporterSequences } from './seen-observations.js';

const targetStateSchema = z.object({
  available: z.boolean(),
  latencyMs: z.number().nullable(),
  requests: z.int().nonnegative(),
  failures: z.int().nonnegative(),
  consecutiveFailures: z.int().nonnegative(),
  lastCheckAt: z.number(),
  lastProbeAt: z.number(),
  lastSuccessAt: z.number(),
  lastFailureAt: z.number(),
  availabilityChangedAt: z.number(),
  errorMessage: z.string().nullable(),
  evidence: z.string().nullable(),
}) satisfies z.ZodType<TargetState>;

const savedStateSchema = z.object({
  /** Of the snapshot that was published with it. */
  version: z.int().nonnegative(),
  /** Entry of the stream up to which observations are contained. */
  cursor: z.string().regex(/^\d+-\d+$/),
  /** By target id. */
  targets: z.record(z.string(), targetStateSchema),
  reporters: z.array(z.tuple([z.string(), z.number()])) satisfies z.ZodType<ReporterSequences>,
});

/** All that one leader leaves to the next. */
export type SavedState = z.infer<typeof savedStateSchema>;

/** Reads what the last leader left; null when it is not a state of ours. */
export function parseSavedState(text: string): SavedState | null {
  try {
    return savedStateSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
