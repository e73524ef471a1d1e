import { z } from 'zod';

/** One ping of one target. */
export const probeJobSchema = z.strictObject({
  /** `<provider>/<model>`. */
  target: z.string().min(1),
  /** Which interval since the epoch this ping belongs to: one ping per target and slot, however many probers run. */
  slot: z.int().nonnegative(),
  /** Length of the interval, in milliseconds. A ping older than that is not worth making any more. */
  intervalMs: z.int().positive(),
});

export type ProbeJob = z.infer<typeof probeJobSchema>;
