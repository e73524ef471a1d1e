import { fieldsOf, textOf } from './fields.js';
import type { Content } from './sdk-types.js';

type Reasoning = Extract<Content, { type: 'reasoning' }>;

/**
 * Thinking with the provider's signature, in Anthropic's shape: a caller that sends it back in `thinking_blocks` of the assistant's message lets
 * the model go on with its thoughts after a tool call. Unsigned thinking is of no use to the provider.
 */
export function thinkingBlock({ text, providerMetadata }: Reasoning): Record<string, unknown> | undefined {
  const { signature, redactedData } = fieldsOf(providerMetadata?.['anthropic']);
  if (textOf(signature)) return { type: 'thinking', thinking: text, signature };
  return textOf(redactedData) ? { type: 'redacted_thinking', data: redactedData } : undefined;
}
