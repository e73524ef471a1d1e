import { z } from 'zod';
import { serializedErrorSchema } from './errors.js';
import { attemptSchema } from './attempt.js';
import { type Embeddings, embeddingsSchema } from './embeddings.js';

/** An OpenAI chat-completions response, kept verbatim. */
export const chatCompletionSchema = z.looseObject({
  id: z.string().nullish(),
  model: z.string().nullish(),
  choices: z.array(z.looseObject({ index: z.number().nullish(), finish_reason: z.string().nullish() })).min(1),
});

export type ChatCompletion = z.infer<typeof chatCompletionSchema>;

/** What a provider answers with. */
export type Answer = ChatCompletion | Embeddings;

export const isEmbeddings = (answer: Answer): answer is Embeddings => !('choices' in answer);

/** Tokens of the answer that was given; those of failed attempts are not in it. */
export const usageSchema = z.strictObject({
  inputTokens: z.number(),
  outputTokens: z.number(),
  /** Of the input: read from the provider's cache. */
  cachedInputTokens: z.number().optional(),
  /** The provider did not say: counted from the length of the texts. */
  estimated: z.boolean(),
});

export type Usage = z.infer<typeof usageSchema>;

/** What the answer cost. */
export const costSchema = z.strictObject({
  /** US dollars; null when no price is known. */
  usd: z.number().nullable(),
  /** `config`: the target's own price. `library`: the price list. `approx`: the list, by a model of a similar name. */
  source: z.enum(['config', 'library', 'approx', 'unknown']),
  /** The tokens were estimated. */
  estimated: z.boolean(),
});

export type Cost = z.infer<typeof costSchema>;

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
  /** The model that the provider says it used. */
  servedModel: z.string().optional(),
  /** What the caller asked for: a model, an alias, `auto`. */
  requestedModel: z.string().optional(),
  usage: usageSchema.optional(),
  cost: costSchema.optional(),
  /** Settings of the request that the provider does not know and that were left out. */
  droppedSettings: z.array(z.string()).optional(),
  /** Mode of the target that answered, or the one in force where it belongs to both. Absent without modes. */
  mode: z.string().optional(),
});

/** The provider's response plus, under `understudy`, who gave it and what it took. */
export const completionResultSchema = chatCompletionSchema.extend({ understudy: servedBySchema });

export type CompletionResult = z.infer<typeof completionResultSchema>;

/** The same of a job for embeddings. */
export const embeddingsResultSchema = embeddingsSchema.extend({ understudy: servedBySchema });

export type EmbeddingsResult = z.infer<typeof embeddingsResultSchema>;

/** The result of any job. */
export type JobResult = CompletionResult | EmbeddingsResult;

/** The one final word on a job: an answer or a typed error. */
export const jobOutcomeSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('completed'), result: z.union([completionResultSchema, embeddingsResultSchema]) }),
  z.object({ status: z.literal('failed'), error: serializedErrorSchema }),
]);

export type JobOutcome = z.infer<typeof jobOutcomeSchema>;
