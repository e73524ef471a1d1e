import { parseJson } from '../read-body.js';
import { cacheOptions } from './content-parts.js';
import { fieldsOf, itemsOf, textOf, type Fields } from './fields.js';
import type { AssistantPart } from './sdk-types.js';
import { UntranslatableError } from './untranslatable.errors.js';

/**
 * What the assistant said in an earlier turn, or the beginning of what it is to say.
 * @throws UntranslatableError for tool calls without a name or with arguments that are no JSON object
 */
export function assistantParts(message: Fields, at: string): AssistantPart[] {
  return [
    ...itemsOf(message['thinking_blocks']).flatMap(thinkingPart),
    ...textParts(message),
    ...itemsOf(message['tool_calls']).map((call, index) => toolCallPart(fieldsOf(call), `${at}.tool_calls[${index}]`)),
  ];
}

/** Only thinking that Anthropic has signed may be sent back to it; `reasoning_content` alone is for people to read. */
function thinkingPart(value: unknown): AssistantPart[] {
  const block = fieldsOf(value);
  const signature = textOf(block['signature']);
  const redactedData = textOf(block['data']);
  if (signature)
    return [
      { type: 'reasoning', text: textOf(block['thinking']) ?? '', providerOptions: { anthropic: { signature } } },
    ];
  return redactedData ? [{ type: 'reasoning', text: '', providerOptions: { anthropic: { redactedData } } }] : [];
}

function textParts(message: Fields): AssistantPart[] {
  const { content, refusal } = message;
  const parts = Array.isArray(content) ? content : [{ type: 'text', text: content ?? refusal }];
  return parts.flatMap((value: unknown) => {
    const part = fieldsOf(value);
    const text = textOf(part['text']) ?? textOf(part['refusal']);
    return text ? [{ type: 'text' as const, text, ...cacheOptions(part) }] : [];
  });
}

function toolCallPart(call: Fields, at: string): AssistantPart {
  const { name, arguments: written } = fieldsOf(call['function']);
  if (!textOf(call['id']) || !textOf(name))
    throw new UntranslatableError('bad_request', `${at} needs an id and function.name`);
  const input = written === undefined || written === '' ? {} : parseJson(textOf(written) ?? '');
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new UntranslatableError('bad_request', `${at}.function.arguments must be a JSON object`);
  return { type: 'tool-call', toolCallId: String(call['id']), toolName: String(name), input };
}
