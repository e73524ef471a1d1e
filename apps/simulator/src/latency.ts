import { z } from 'zod';
import type { Random } from './seeded-random.js';

/** No drawn latency is longer than this: the tail of a lognormal has no end, a simulation has. */
export const MAX_LATENCY_MS = 600_000;

const durationMs = z.number().min(0).max(MAX_LATENCY_MS);
const perTokenMs = durationMs.optional();

/**
 * How long a model takes: `ms` and the like are the time to the first token, `perTokenMs` is added for each token of the
 * answer (an answer that is not streamed arrives when its last token would have).
 */
export const latencySchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('fixed'), ms: durationMs, perTokenMs }),
    z
      .strictObject({ kind: z.literal('uniform'), minMs: durationMs, maxMs: durationMs, perTokenMs })
      .refine((latency) => latency.maxMs >= latency.minMs, { path: ['maxMs'], error: 'must not be less than minMs' }),
    z.strictObject({ kind: z.literal('lognormal'), medianMs: durationMs, sigma: z.number().min(0).max(5), perTokenMs }),
  ],
  { error: 'must be one of: fixed, uniform, lognormal' },
);

/** A latency distribution; times in milliseconds. */
export type Latency = z.infer<typeof latencySchema>;

/** Draws the time to the first token, in milliseconds. */
export function drawLatencyMs(latency: Latency, random: Random): number {
  switch (latency.kind) {
    case 'fixed':
      return latency.ms;
    case 'uniform':
      return latency.minMs + random() * (latency.maxMs - latency.minMs);
    case 'lognormal': {
      // Box-Muller; 1 - random() keeps the logarithm away from zero.
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return Math.min(latency.medianMs * Math.exp(latency.sigma * normal), MAX_LATENCY_MS);
    }
  }
}
