import type { Answer } from '../answer.js';
import type { CompletionRequest } from '../completion-request.js';
import type { Piece } from '../reply.js';
import { finishReasonOf, renderUsage, toolCallIdOf } from './chat-body.js';

const DONE: Piece = { kind: 'done', data: 'data: [DONE]\n\n' };

/**
 * An answer as `chat.completion.chunk` events: the role, a delta per token, the finish reason, usage if it was asked
 * for, `[DONE]`. With usage every chunk has a `usage` field, null except in the last one.
 */
export function renderChatEvents(answer: Answer, { includeUsage }: CompletionRequest): Piece[] {
  const hasUsage = includeUsage && answer.usage !== null;
  const chunk = (choices: object[] | undefined, usage: object | null = null): string =>
    `data: ${JSON.stringify({
      id: `chatcmpl-${answer.id}`,
      object: 'chat.completion.chunk',
      created: Math.floor(answer.createdMs / 1000),
      model: answer.model,
      choices,
      ...(hasUsage ? { usage } : {}),
    })}\n\n`;
  const delta = (content: object, finishReason: string | null = null): string =>
    chunk([{ index: 0, delta: content, logprobs: null, finish_reason: finishReason }]);

  if (answer.defect === 'no-choices') return [{ kind: 'noise', data: chunk(undefined) }, DONE];
  if (answer.defect === 'empty-choices') return [{ kind: 'noise', data: chunk([]) }, DONE];
  const content = answer.toolName === null ? '' : null;
  const role: Piece = { kind: 'opening', data: delta({ role: 'assistant', content, refusal: null }) };
  if (answer.defect === 'role-only') return [role, DONE];
  return [
    role,
    ...(answer.toolName === null ? [] : [openTool(answer.toolName)]),
    ...answer.tokens.map((token): Piece => ({ kind: 'token', data: delta(tokenOf(token)), tokens: 1 })),
    { kind: 'finish', data: delta({}, finishReasonOf(answer)) },
    ...(hasUsage ? [{ kind: 'usage', data: chunk([], renderUsage(answer.usage)) } as const] : []),
    DONE,
  ];

  function openTool(name: string): Piece {
    const call = { index: 0, id: toolCallIdOf(answer), type: 'function', function: { name, arguments: '' } };
    return { kind: 'opening', data: delta({ tool_calls: [call] }) };
  }
  function tokenOf(token: string): object {
    return answer.toolName === null
      ? { content: token }
      : { tool_calls: [{ index: 0, function: { arguments: token } }] };
  }
}
