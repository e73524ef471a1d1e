import { countOf } from '../openai-compatible/token-usage.js';
import type { TokenUsage } from '../provider-adapter.js';
import type { SdkUsage } from './sdk-types.js';

/** Tokens in our words. Anthropic counts cached input apart; the library adds it up. */
export function tokenUsage({ inputTokens, outputTokens }: SdkUsage): TokenUsage {
  return {
    inputTokens: countOf(inputTokens.total) ?? 0,
    outputTokens: countOf(outputTokens.total) ?? 0,
    ...(countOf(inputTokens.cacheRead) && { cachedInputTokens: countOf(inputTokens.cacheRead) }),
    ...(countOf(inputTokens.cacheWrite) && { cacheWriteTokens: countOf(inputTokens.cacheWrite) }),
  };
}

/** Tokens in OpenAI's words. */
export function openAiUsage(usage: SdkUsage): Record<string, unknown> {
  const { inputTokens, outputTokens, cachedInputTokens = 0 } = tokenUsage(usage);
  const reasoning = usage.outputTokens.reasoning;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}
