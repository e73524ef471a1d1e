import { alertStateSchema } from '#libs/alerts';
import type { FleetMode } from '#libs/health-core';
import { z } from 'zod';
import type { ReporterSequences } from './seen-observations.js';

const fleetModeSchema = z.object({
  current: z.string(),
  automatic: z.string(),
  countingSince: z.number().nullable(),
  lookedAt: z.number().default(0),
  changedAt: z.number(),
  reason: z.enum(['started', 'primary_failing', 'primary_recovered', 'manual', 'released']),
}) satisfies z.ZodType<FleetMode>;

const savedStateSchema = z.object({
  /** Of the snapshot that was published with it. */
  version: z.int().nonnegative(),
  /** Entry of the stream up to which observations are contained. */
  cursor: z.string().regex(/^\d+-\d+$/),
  /** By target id; what each holds is looked at when it is taken up. */
  targets: z.record(
    z.string(),
    z.custom<object>((value) => typeof value === 'object' && value !== null),
  ),
  reporters: z.array(z.tuple([z.string(), z.number()])) satisfies z.ZodType<ReporterSequences>,
  /** What is not readable here begins anew, and takes nothing else with it. */
  mode: fleetModeSchema.optional().catch(undefined),
  alerts: alertStateSchema.optional().catch(undefined),
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
