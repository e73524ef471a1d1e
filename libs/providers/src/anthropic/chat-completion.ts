import type { ChatCompletion } from '#libs/contracts';
import { parseJson } from '../read-body.js';
import { AnswerError } from '../answer-error.js';
import { fieldsOf, textOf } from './fields.js';
import { finishReasonOf } from './finish-reason.js';
import type { Content, Generated } from './sdk-types.js';
import { thinkingBlock } from './thinking-block.js';
import { openAiUsage } from './usage.js';

/** A message of Anthropic's in the library's words, read to its end. */
export interface Answer {
  id: string | undefined;
  /** The model that the provider says it used. */
  model: string | undefined;
  content: readonly Content[];
  finishReason: Generated['finishReason'];
  usage: Generated['usage'];
  /** What the provider adds to a refusal. */
  metadata: unknown;
}

/**
 * The answer in OpenAI's shape.
 * @param created epoch seconds
 * @param isCounted whether the provider told its usage
 * @throws AnswerError when it says nothing, or was cut
 */
export function toChatCompletion(answer: Answer, created: number, isCounted: boolean): ChatCompletion {
  const finishReason = finishReasonOf(answer.finishReason);
  const message = toMessage(answer, finishReason);
  return {
    ...(answer.id && { id: answer.id }),
    object: 'chat.completion',
    created,
    ...(answer.model && { model: answer.model }),
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    ...(isCounted && { usage: openAiUsage(answer.usage) }),
  };
}

function toMessage({ content, metadata }: Answer, finishReason: string): Record<string, unknown> {
  const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('');
  const reasoning = content.flatMap((part) => (part.type === 'reasoning' ? [part] : []));
  const reasoningText = reasoning.map((part) => part.text).join('');
  const thinkingBlocks = reasoning.flatMap((part) => thinkingBlock(part) ?? []);
  const toolCalls = content.flatMap((part) => (part.type === 'tool-call' && !part.providerExecuted ? [part] : []));
  const isRefusal = finishReason === 'content_filter';

  // A model may spend all of its tokens on thoughts, but then it has begun something.
  const isCutShort = finishReason === 'length' && content.length > 0;
  if (!text && !reasoningText && toolCalls.length === 0 && !isRefusal && !isCutShort)
    throw new AnswerError('bad_response', 'the answer has neither content nor a tool call');
  if (finishReason === 'tool_calls' && toolCalls.length === 0)
    throw new AnswerError('bad_response', 'the answer ended to have tools called, and names none');
  if (finishReason === 'tool_calls' && toolCalls.some(({ input }) => parseJson(input) === undefined))
    throw new AnswerError('bad_response', 'the arguments of a tool call are not JSON');

  return {
    role: 'assistant',
    content: isRefusal ? null : text || null,
    refusal: isRefusal ? text || refusalExplanation(metadata) : null,
    ...(reasoningText && { reasoning_content: reasoningText }),
    ...(thinkingBlocks.length > 0 && { thinking_blocks: thinkingBlocks }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map(({ toolCallId, toolName, input }) => ({
        id: toolCallId,
        type: 'function',
        function: { name: toolName, arguments: input },
      })),
    }),
  };
}

const refusalExplanation = (metadata: unknown) =>
  textOf(fieldsOf(fieldsOf(fieldsOf(metadata)['anthropic'])['stopDetails'])['explanation']) ?? null;
