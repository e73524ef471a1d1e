import { z } from 'zod';
import { alertSchema } from './alert.js';

/** Trouble that people were told of and that is not over. */
const openAlertSchema = alertSchema.extend({
  /** Ids of the targets that it is about. */
  targets: z.array(z.string()),
  /** Since when it has looked over, without a break; null while it does not. */
  calmSince: z.number().nullable(),
});

export type OpenAlert = z.infer<typeof openAlertSchema>;

export const alertStateSchema = z.object({
  open: z.array(openAlertSchema),
  /** Since when all targets of a provider have been unavailable, by provider. */
  downSince: z.record(z.string(), z.number()),
  /** By target: whether it was available at the last look, and when that changed lately. */
  targets: z.record(z.string(), z.object({ available: z.boolean(), changes: z.array(z.number()) })),
});

/** All that is remembered between two looks: plain data, so that the next leader tells nothing twice. */
export type AlertState = z.infer<typeof alertStateSchema>;

export const initialAlertState = (): AlertState => ({ open: [], downSince: {}, targets: {} });
