import type { Answer } from '../answer.js';

/** Our words for why an answer ends, in Anthropic's. */
const STOP_REASONS = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use' } as const;

/** An answer as a `message` body. */
export function renderMessageBody(answer: Answer): string {
  return JSON.stringify({
    ...openMessage(answer),
    content: contentOf(answer),
    stop_reason: answer.defect === 'role-only' ? null : stopReasonOf(answer),
    usage: answer.usage === null ? undefined : renderUsage(answer.usage.inputTokens, answer.usage.outputTokens),
  });
}

/** What a message is before it has content. */
export function openMessage({ id, model }: Answer): object {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
}

/** The reason why an answer ends, in Anthropic's words. */
export function stopReasonOf({ rawFinishReason, finishReason }: Answer): string {
  return rawFinishReason ?? STOP_REASONS[finishReason];
}

/** Usage in Anthropic's shape. */
export function renderUsage(inputTokens: number, outputTokens: number): object {
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: outputTokens,
  };
}

/** The id of the one tool use of an answer. */
export function toolUseIdOf({ id }: Answer): string {
  return `toolu_${id}`;
}

function contentOf(answer: Answer): object[] | undefined {
  if (answer.defect === 'no-choices') return undefined;
  if (answer.defect !== undefined) return [];
  const text = answer.tokens.join('');
  if (answer.toolName === null) return [{ type: 'text', text }];
  return [{ type: 'tool_use', id: toolUseIdOf(answer), name: answer.toolName, input: parseInput(text) }];
}

/** Arguments that a fault has cut short are no object: a provider sends what it has of one, here nothing. */
function parseInput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
