import type { Answer } from './answer.js';

/** The last event of every complete stream. */
export const DONE_EVENT = 'data: [DONE]\n\n';

/** One server-sent event that carries `data` as JSON. */
export function renderEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** An answer as `chat.completion.chunk` events, in the three parts a stream is sent in. */
export interface StreamEvents {
  /** The role delta. */
  opening: string;
  /** One event per token. */
  tokens: string[];
  /** Finish reason, the usage chunk if it was asked for, `[DONE]`. */
  closing: string;
}

/** Renders an answer as a stream. With `includeUsage` every chunk has a `usage` field, null except in the last one. */
export function renderStream(answer: Answer, includeUsage: boolean): StreamEvents {
  const chunk = (choices: object[], usage: Answer['usage'] | null): string =>
    renderEvent({
      id: answer.id,
      object: 'chat.completion.chunk',
      created: answer.created,
      model: answer.model,
      choices,
      ...(includeUsage ? { usage } : {}),
    });
  const delta = (content: object, finishReason: string | null): string =>
    chunk([{ index: 0, delta: content, logprobs: null, finish_reason: finishReason }], null);

  return {
    opening: delta({ role: 'assistant', content: '', refusal: null }, null),
    tokens: answer.tokens.map((token) => delta({ content: token }, null)),
    closing: delta({}, answer.finishReason) + (includeUsage ? chunk([], answer.usage) : '') + DONE_EVENT,
  };
}
