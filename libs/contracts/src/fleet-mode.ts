import { z } from 'zod';

/** Names of modes stand in URLs, metrics and logs. */
const modeName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/i, 'use letters, digits, - and _ only');

/** Leaves the choice of the mode to the rule. */
export const AUTO_MODE = 'auto';

/** The mode of the fleet as a snapshot tells it. Absent where no modes are configured. */
export const snapshotModeSchema = z.object({
  /** Whose targets are asked first. */
  current: z.string().min(1),
  /** The one that is normal. */
  primary: z.string().min(1),
  /** What an operator has set: a mode, or `auto`. */
  setTo: z.string().min(1),
  /** Why `current` is in force; a newer version may know more reasons. */
  reason: z.string(),
  /** When it came into force, epoch milliseconds; 0: at the start. */
  changedAt: z.number(),
  /** Since when what would change it by itself has lasted, epoch milliseconds; null while it does not. */
  countingSince: z.number().nullable(),
});

export type SnapshotMode = z.infer<typeof snapshotModeSchema>;

/** What an operator has set. It lies in Redis until somebody sets another: restarts do not matter. */
export const modeSettingSchema = z.strictObject({
  /** A configured mode, or `auto`. */
  mode: modeName,
  /** For people: why. */
  reason: z.string().trim().min(1).max(500),
  /** Epoch milliseconds. */
  at: z.number(),
});

export type ModeSetting = z.infer<typeof modeSettingSchema>;

/** What the door takes: `PUT /mode {"mode":"direct","reason":"…"}`. */
export const modeRequestSchema = modeSettingSchema.omit({ at: true });

export type ModeRequest = z.infer<typeof modeRequestSchema>;
