import { z } from 'zod';
import { completionRequestSchema, MAX_NAME_LENGTH } from './completion-request.js';

const targetId = z.string().min(1).max(MAX_NAME_LENGTH);

/** How one job wants to be routed. Everything is optional: without it the route of the requested model decides. */
export const routingSchema = z.strictObject({
  /** Target id to try first, when it is healthy. */
  preferred: targetId.optional(),
  /**
   * Targets to try, in this order, after the healthy ones: ids, or names of models, which stand for their targets. Replaces the
   * configured fallback chain.
   */
  fallbacks: z.array(targetId).max(16).optional(),
  /** Target id that alone may serve this job. */
  pin: targetId.optional(),
  /** Mode whose targets come first for this job, whatever mode the fleet is in. */
  mode: z.string().min(1).max(64).optional(),
});

export type Routing = z.infer<typeof routingSchema>;

/** Classes of urgency, most urgent first. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;

export type Priority = (typeof PRIORITIES)[number];

/** What lies in the completion queue: an envelope around an OpenAI body. */
export const completionJobSchema = z.strictObject({
  /** OpenAI chat-completions body, verbatim. */
  request: completionRequestSchema,
  routing: routingSchema.optional(),
  /** How long after enqueueing an answer is still of use, in milliseconds. */
  deadlineMs: z.int().positive().optional(),
  /** Whose job it is; appears in telemetry, never in provider calls. */
  tenant: z.string().min(1).max(128).optional(),
  /** How urgent it is among waiting jobs. Default: `normal`. */
  priority: z.enum(PRIORITIES).optional(),
  /** The caller's own name for this piece of work: the same key and request are the same job. */
  idempotencyKey: z.string().min(1).max(255).optional(),
  /** Whether what the answer says is published while it is being made, for readers of the job's chunks. */
  streaming: z.boolean().optional(),
  /** Pub/sub channel of the process that waits for the answer, if one does. */
  replyTo: z.string().min(1).max(256).optional(),
});

export type CompletionJob = z.infer<typeof completionJobSchema>;
