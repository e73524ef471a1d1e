import { z } from 'zod';

/** What a provider's list of models says of the model of one target. */
const listedModelSchema = z.object({
  /** Provider's name for the model, as the target was configured when the list came. */
  model: z.string(),
  listed: z.boolean(),
  /** Day on which the provider says that it will be shut down, epoch milliseconds; null where it says none. */
  shutdownAt: z.number().nullable(),
});

export type ListedModel = z.infer<typeof listedModelSchema>;

/** What a provider's list of models said when it was last asked for. */
export const modelListingSchema = z.object({
  /** Epoch milliseconds, by the time of Redis. */
  askedAt: z.number(),
  /** Why the last list was of no use: a failure class, or `empty`; null when it was good. `targets` is then of the one before. */
  failure: z.string().nullable(),
  /** By target id. */
  targets: z.record(z.string(), listedModelSchema),
});

export type ModelListing = z.infer<typeof modelListingSchema>;
