import { z } from 'zod';

/** Longest name of a model or target. What is longer is no name, and would be repeated in messages and logs. */
export const MAX_NAME_LENGTH = 256;

const contentPart = z.looseObject({ type: z.string() });

const message = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(contentPart)], { error: 'must be a text or a list of parts' }).nullish(),
});

/**
 * An OpenAI chat-completions body. Only what we read ourselves is described; every other field is kept and sent on
 * unchanged, so that new provider features need no release of ours.
 */
export const completionRequestSchema = z.looseObject({
  /** Name of a route: a model of the configuration, an alias, or `auto` for the best of all targets. */
  model: z.string().min(1).max(MAX_NAME_LENGTH),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  n: z.literal(1, { error: 'only n = 1 is supported: enqueue one job per answer' }).nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
});

export type CompletionRequest = z.infer<typeof completionRequestSchema>;
