import { FAILURE_CLASSES } from '#libs/health-core';
import { z } from 'zod';

/** A call's outcome on its way to the aggregator. The words are the core's; this checks what arrives from outside. */
export const observationSchema = z.object({
  id: z.string().min(1).max(128),
  target: z.string().min(1),
  source: z.enum(['probe', 'traffic']),
  outcome: z.enum(['success', ...FAILURE_CLASSES]),
  latencyMs: z.number().min(0).max(86_400_000),
  at: z.number().positive(),
  errorMessage: z.string().max(500).optional(),
  evidence: z.string().max(64).optional(),
});

/** Health of one target, as the aggregator sees it. */
export const targetHealthSchema = z.object({
  /** `<provider>/<model>`. */
  target: z.string(),
  /** Provider's name for the model: the `model` label of the metrics. */
  model: z.string(),
  provider: z.string(),
  /** False when calls must go elsewhere. */
  available: z.boolean(),
  /** Available and score above 50. */
  healthy: z.boolean(),
  /** 0–100. */
  score: z.number(),
  /** Configured weight. */
  weight: z.number(),
  /** What the target should get of the traffic, by weight and health; the unit depends on the scoring profile. */
  routingWeight: z.number(),
  /** Latency of the last probe, in milliseconds; null before the first. */
  latencyMs: z.number().nullable(),
  /** 0–1. */
  successRate: z.number(),
  consecutiveFailures: z.int(),
  requests: z.int(),
  failures: z.int(),
  /** When the last observation ended, epoch milliseconds; null before the first. */
  lastCheckAt: z.number().nullable(),
  errorMessage: z.string().nullable(),
  /** Traceparent of the failed call that made the target unavailable. */
  evidence: z.string().nullable(),
});

export type TargetHealth = z.infer<typeof targetHealthSchema>;

/** Everything a router needs to decide, in one value. (epoch, version) grows; an older one is to be ignored. */
export const healthSnapshotSchema = z.object({
  /** Raised by every change of leader among the aggregators. */
  epoch: z.int(),
  version: z.int(),
  /** When it was made, epoch milliseconds. */
  at: z.number(),
  scoring: z.enum(['article', 'adaptive']),
  targets: z.array(targetHealthSchema),
});

export type HealthSnapshot = z.infer<typeof healthSnapshotSchema>;
