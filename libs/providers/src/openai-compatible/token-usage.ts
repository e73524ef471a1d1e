import type { TokenUsage } from '../provider-adapter.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The tokens that an answer reports; undefined when it reports none. Where reasoning is left out of `completion_tokens`
 * (Gemini, xAI), the total still holds it.
 */
export function tokenUsageOf(answer: Fields): TokenUsage | undefined {
  const usage = fieldsOf(answer['usage']);
  const inputTokens = countOf(usage['prompt_tokens']);
  if (inputTokens === undefined) return undefined;
  const completion = countOf(usage['completion_tokens']);
  const total = countOf(usage['total_tokens']);
  if (completion === undefined && total === undefined) return undefined;
  const details = fieldsOf(usage['prompt_tokens_details']);
  const cachedInputTokens = countOf(details['cached_tokens']) ?? countOf(usage['prompt_cache_hit_tokens']);
  const cacheWriteTokens = countOf(details['cache_write_tokens']);
  return {
    inputTokens,
    outputTokens: Math.max(completion ?? 0, (total ?? 0) - inputTokens),
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
    ...(cacheWriteTokens !== undefined && { cacheWriteTokens }),
  };
}

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

/** More than any model reads; what is above is no count, and would spoil every sum. */
const MOST_TOKENS = 1e9;

/** The value, if it can be a number of tokens. */
export const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= MOST_TOKENS ? value : undefined;
