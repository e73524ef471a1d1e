import { AnthropicAdapter } from './anthropic/anthropic.adapter.js';
import { OpenAiCompatibleAdapter } from './openai-compatible/openai-compatible.adapter.js';
import type { ProviderAdapter, ProviderOptions } from './provider-adapter.js';

/** Wire formats that Understudy speaks. */
export type ProviderKind = 'openai-compatible' | 'anthropic';

/** The adapter for a provider of the configuration. */
export function createAdapter(provider: ProviderOptions & { kind: ProviderKind }): ProviderAdapter {
  switch (provider.kind) {
    case 'openai-compatible':
      return new OpenAiCompatibleAdapter(provider);
    case 'anthropic':
      return new AnthropicAdapter(provider);
  }
}
