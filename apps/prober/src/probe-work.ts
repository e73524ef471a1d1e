import { probeJobSchema } from '#libs/contracts';
import { z } from 'zod';

/**
 * A ping job as it lies in the queue. The prober adds `calledAt`, epoch milliseconds, right before it calls the provider: whoever finds
 * the job again after that prober was killed must not call a second time.
 */
export const probeWorkSchema = probeJobSchema.extend({ calledAt: z.number().optional() });

export type ProbeWork = z.infer<typeof probeWorkSchema>;

/** What became of a ping job. */
export type ProbeDisposition =
  /** The provider was called; how it answered is in the observation. */
  | 'called'
  /** Real traffic has just shown what it would have shown. */
  | 'spared'
  /** The target is at its limit: whoever uses it up is told by its calls how it is. */
  | 'no-place'
  /** Its slot was over before its turn came. */
  | 'too-late'
  /** A prober that is gone now had called the provider. */
  | 'called-before'
  /** The target is not in this prober's configuration. */
  | 'unknown-target';
