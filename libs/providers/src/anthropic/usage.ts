import type { TokenUsage } from '../provider-adapter.js';
import type { SdkUsage } from './sdk-types.js';

/** Tokens in our words. Anthropic counts cached input apart; the library adds it up. */
export function tokenUsage({ inputTokens, outputTokens }: SdkUsage): TokenUsage {
  return {
    inputTokens: inputTokens.total ?? 0,
    outputTokens: outputTokens.total ?? 0,
    ...(inputTokens.cacheRead && { cachedInputTokens: inputTokens.cacheRead }),
    ...(inputTokens.cacheWrite && { cacheWriteTokens: inputTokens.cacheWrite }),
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
