import type { Answer } from '../answer.js';

/** An answer as a `chat.completion` body. */
export function renderChatBody(answer: Answer): string {
  return JSON.stringify({
    id: `chatcmpl-${answer.id}`,
    object: 'chat.completion',
    created: Math.floor(answer.createdMs / 1000),
    model: answer.model,
    choices: choicesOf(answer),
    usage: renderUsage(answer.usage),
  });
}

/** The reason why an answer ends, in OpenAI's words. */
export function finishReasonOf({ rawFinishReason, finishReason }: Answer): string {
  return rawFinishReason ?? finishReason;
}

/** Usage in OpenAI's shape; undefined when there is none. */
export function renderUsage(usage: Answer['usage']): object | undefined {
  if (usage === null) return undefined;
  const { inputTokens, outputTokens } = usage;
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}

/** The id of the one tool call of an answer. */
export function toolCallIdOf({ id }: Answer): string {
  return `call_${id}`;
}

function choicesOf(answer: Answer): object[] | undefined {
  if (answer.defect === 'no-choices') return undefined;
  if (answer.defect === 'empty-choices') return [];
  if (answer.defect === 'role-only') return [{ index: 0, message: { role: 'assistant' }, finish_reason: null }];
  const message = { role: 'assistant', ...contentOf(answer), refusal: null };
  return [{ index: 0, message, logprobs: null, finish_reason: finishReasonOf(answer) }];
}

function contentOf(answer: Answer): object {
  const text = answer.tokens.join('');
  if (answer.toolName === null) return { content: text };
  const call = { id: toolCallIdOf(answer), type: 'function', function: { name: answer.toolName, arguments: text } };
  return { content: null, tool_calls: [call] };
}
