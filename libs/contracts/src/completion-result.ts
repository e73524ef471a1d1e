import { z } from 'zod';
import { serializedErrorSchema } from './errors.js';
import { attemptSchema } from './attempt.js';

/** An OpenAI chat-completions response, kept verbatim. */
export const chatCompletionSchema = z.looseObject({
  id: z.string().optional(),
  model: z.string().optional(),
  choices: z.array(z.looseObject({ index: z.number().optional(), finish_reason: z.string().nullish() })).min(1),
});

export type ChatCompletion = z.infer<typeof chatCompletionSchema>;

/** What we add to the provider's answer. */
export const servedBySchema = z.strictObject({
  jobId: z.string(),
  /** Id of the target that gave the answer. */
  target: z.string(),
  /** The calls made for this job, in order; the last one is the answer. Of more than 50 the first ten and the last forty. */
  attempts: z.array(attemptSchema),
  /** From enqueueing to the first start of work, in milliseconds. */
  queueMs: z.number(),
  /** From enqueueing to the committed result, in milliseconds. */
  totalMs: z.number(),
});

/** The provider's response plus, under `understudy`, who gave it and what it took. */
export const completionResultSchema = chatCompletionSchema.extend({ understudy: servedBySchema });

export type CompletionResult = z.infer<typeof completionResultSchema>;

/** The one final word on a job: an answer or a typed error. */
export const jobOutcomeSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('completed'), result: completionResultSchema }),
  z.object({ status: z.literal('failed'), error: serializedErrorSchema }),
]);

export type JobOutcome = z.infer<typeof jobOutcomeSchema>;
