import { FAILURE_CLASSES, type FailureClass, type OpenReason, type TargetView } from '#libs/health-core';
import { z } from 'zod';
import { snapshotModeSchema } from './fleet-mode.js';

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
  generation: z.int().nonnegative().optional(),
  trial: z.boolean().optional(),
  panic: z.boolean().optional(),
  retryAfterMs: z.number().min(0).optional(),
  firstTokenMs: z.number().min(0).max(86_400_000).optional(),
  perTokenMs: z.number().min(0).max(86_400_000).optional(),
  httpStatus: z.int().min(100).max(999).optional(),
  /** A word of a newer version is as good as none. */
  scope: z.enum(['target', 'key']).optional().catch(undefined),
});

/** A word that a newer version may add to is not refused: what is unknown is still a reason. */
const openReason = z.custom<OpenReason>((value) => typeof value === 'string' && value.length > 0, 'is not a word');

const failureClass = z.custom<FailureClass>((value) => typeof value === 'string' && value.length > 0, 'is not a word');

/**
 * What routers decide by: the core's view of a target, see TargetView for what each field means. Times are epoch milliseconds of the
 * aggregator's clock; compare them with the snapshot's `at`.
 */
const targetViewSchema = z.object({
  target: z.string(),
  provider: z.string(),
  tier: z.int().nonnegative(),
  weight: z.number().nonnegative(),
  breaker: z.enum(['closed', 'open', 'half-open']),
  generation: z.int().nonnegative(),
  available: z.boolean(),
  healthy: z.boolean(),
  score: z.number(),
  healthFactor: z.number(),
  successEstimate: z.number(),
  latencyMs: z.number().nullable(),
  usualLatencyMs: z.number(),
  usualProbeMs: z.number(),
  consecutiveFailures: z.int().nonnegative(),
  closedAt: z.number(),
  changedAt: z.number(),
  openUntil: z.number(),
  siblingOpenedAt: z.number(),
  /** 0 from an aggregator that does not tell. */
  blockedUntil: z.number().default(0),
  reason: openReason.nullable(),
  errorMessage: z.string().nullable(),
  /** Null from an aggregator that does not tell. */
  lastFailure: failureClass.nullable().default(null),
  evidence: z.string().nullable(),
  lastProbeAt: z.number(),
  /** 0 from an aggregator that does not tell. */
  goodProbes: z.int().nonnegative().default(0),
  /** 0 from an aggregator that does not tell. */
  lastGoodTrafficAt: z.number().default(0),
}) satisfies z.ZodType<TargetView>;

/** Health of one target, as the aggregator sees it. */
export const targetHealthSchema = targetViewSchema.extend({
  /** Provider's name for the model: the `model` label of the metrics. */
  model: z.string(),
  /**
   * What the target should get of the traffic. `adaptive`: percent of all, 100 in sum unless no target is healthy enough for any.
   * `article`: weight × score / sum of scores × 100, in relation to the others.
   */
  routingWeight: z.number(),
  /** Of all calls ever counted, 0–1. */
  successRate: z.number(),
  requests: z.int().nonnegative(),
  failures: z.int().nonnegative(),
  /** When the last observation ended; null before the first. */
  lastCheckAt: z.number().nullable(),
  /** Whether its provider's list of models has its model; absent while nobody knows. Decides about nothing. */
  listed: z.boolean().optional(),
  /** When its provider says that the model will be shut down, epoch milliseconds; null: it says no date; absent: nobody knows. */
  shutdownAt: z.number().nullable().optional(),
  /** How often probers are to ping it now, in milliseconds; more seldom than they are configured to only while it is disabled. */
  probeIntervalMs: z.number().positive(),
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
  /** Absent where no modes are configured, and from an aggregator that knows none. */
  mode: snapshotModeSchema.optional(),
});

export type HealthSnapshot = z.infer<typeof healthSnapshotSchema>;
