import { z } from 'zod';

/** What can be wrong enough to tell people. */
const ALERT_RULES = [
  'mode_switched',
  'target_disabled',
  'host_unreachable',
  'provider_down',
  'target_flapping',
  'model_shutdown',
] as const;

export const alertSchema = z.object({
  /** Of the trouble, not of the message: its end carries the same. `<rule>/<subject>`. */
  key: z.string(),
  rule: z.enum(ALERT_RULES),
  status: z.enum(['firing', 'resolved']),
  severity: z.enum(['critical', 'warning']),
  /** One line for people, without secrets, prompts or what a provider said. */
  summary: z.string(),
  /** Epoch milliseconds. */
  startedAt: z.number(),
  /** Epoch milliseconds; null while it fires. */
  endedAt: z.number().nullable(),
  /** Provider, targets, mode, reason: whatever the rule is about. */
  labels: z.record(z.string(), z.string()),
});

/** One message: trouble has begun, or is over. */
export type Alert = z.infer<typeof alertSchema>;

/** When to tell, in milliseconds and counts. */
export interface AlertRules {
  /** Every target of a provider unavailable for this long. */
  providerDownAfterMs: number;
  /** A provider that was down is up, or a target that flapped is calm, for this long. */
  resolveAfterMs: number;
  /** So many changes between available and unavailable… */
  flapTransitions: number;
  /** …within this time are flapping. */
  flapWindowMs: number;
  /** A model that its provider will shut down within this time; 0: none. */
  shutdownNoticeMs: number;
}
