import { z } from 'zod';
import { completionRequestSchema, MAX_NAME_LENGTH } from './completion-request.js';
import { embeddingsRequestSchema, withoutInput } from './embeddings.js';
import { parseOrThrow } from './parse.js';

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

/** What a job asks for. */
export const OPERATIONS = ['chat', 'embeddings'] as const;

export type Operation = (typeof OPERATIONS)[number];

const NO_OPERATION = `must be one of: ${OPERATIONS.join(', ')}`;

/** What is said about any job, whatever it asks for. */
const wishes = {
  routing: routingSchema.optional(),
  /** How long after enqueueing an answer is still of use, in milliseconds. */
  deadlineMs: z.int().positive().optional(),
  /** Whose job it is; appears in telemetry, never in provider calls. */
  tenant: z.string().min(1).max(128).optional(),
  /** How urgent it is among waiting jobs. Default: `normal`. */
  priority: z.enum(PRIORITIES).optional(),
  /** The caller's own name for this piece of work: the same key and request are the same job. */
  idempotencyKey: z.string().min(1).max(255).optional(),
};

/** Pub/sub channel of the process that waits for the answer, if one does. */
const replyTo = z.string().min(1).max(256).optional();

/** A job for a chat completion: an envelope around an OpenAI body. */
export const completionJobSchema = z.strictObject({
  operation: z.literal('chat', { error: NO_OPERATION }).optional(),
  /** OpenAI chat-completions body, verbatim. */
  request: completionRequestSchema,
  ...wishes,
  /** Whether what the answer says is published while it is being made, for readers of the job's chunks. */
  streaming: z.boolean().optional(),
  replyTo,
});

export type CompletionJob = z.infer<typeof completionJobSchema>;

/** A job for embeddings, which come in one piece. */
export const embeddingsJobSchema = z.strictObject({
  operation: z.literal('embeddings'),
  /** OpenAI embeddings body, verbatim. */
  request: embeddingsRequestSchema,
  ...wishes,
  replyTo,
});

export type EmbeddingsJob = z.infer<typeof embeddingsJobSchema>;

/** What lies in the completion queue. Without an operation it is a job for a chat completion. */
export const jobPayloadSchema = z.discriminatedUnion('operation', [completionJobSchema, embeddingsJobSchema], {
  error: ({ code }) => (code === 'invalid_union' ? NO_OPERATION : undefined),
});

export type JobPayload = CompletionJob | EmbeddingsJob;

export const operationOf = ({ operation = 'chat' }: { operation?: Operation | undefined }): Operation => operation;

/**
 * Checks what came out of the completion queue.
 * @throws UnderstudyError `invalid_request` with the field
 */
export function parseJob(payload: unknown): JobPayload {
  const { operation, request } = (payload ?? {}) as { operation?: unknown; request?: unknown };
  const bounded = operation === 'embeddings' ? { ...(payload as object), request: withoutInput(request) } : payload;
  return parseOrThrow(jobPayloadSchema, payload, 'job', bounded);
}
