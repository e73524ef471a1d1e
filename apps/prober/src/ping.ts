import type { TargetConfig, UnderstudyConfig } from '#libs/config';
import type { CompletionRequest, EmbeddingsRequest } from '#libs/contracts';

/** The smallest call that proves that a target can answer. A model that thinks is asked to think little: its thoughts are paid for. */
export function pingOf(
  { model, reasoning, probeReasoningEffort }: TargetConfig,
  { maxTokens, reasoningEffort }: UnderstudyConfig['probes'],
): CompletionRequest {
  const effort = probeReasoningEffort ?? (reasoning ? reasoningEffort : undefined);
  return {
    model,
    messages: [{ role: 'user', content: 'ping' }],
    max_tokens: maxTokens,
    ...(effort !== undefined && { reasoning_effort: effort }),
  };
}

/** The same for a target that makes embeddings. */
export const embeddingsPingOf = ({ model }: TargetConfig): EmbeddingsRequest => ({ model, input: 'ping' });
