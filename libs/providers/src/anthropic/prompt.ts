import type { CompletionRequest } from '#libs/contracts';
import { assistantParts } from './assistant-parts.js';
import { cacheOptions, toolOutput, userPart } from './content-parts.js';
import { fieldsOf, itemsOf, textOf, type Fields } from './fields.js';
import type { Prompt, SystemMessage } from './sdk-types.js';
import { UntranslatableError } from './untranslatable.errors.js';

type Message = CompletionRequest['messages'][number];

/**
 * The conversation in the library's words. Every system and developer message goes to the front, wherever it stood: Anthropic has one
 * place for them, and only the newest models take any in between.
 * @throws UntranslatableError for a role or a part without a counterpart
 */
export function toPrompt(messages: readonly Message[]): Prompt {
  const toolNames = namesOfCalls(messages);
  const system: SystemMessage[] = [];
  const turns: Prompt = [];
  messages.forEach((message, index) => {
    const at = `messages[${index}]`;
    switch (message.role) {
      case 'system':
      case 'developer':
        system.push(...systemMessages(message));
        break;
      case 'user':
        turns.push({
          role: 'user',
          content: partsOf(message).map((part, n) => userPart(part, `${at}.content[${n}]`)),
          ...cacheOptions(message),
        });
        break;
      case 'assistant':
        turns.push({ role: 'assistant', content: assistantParts(message, at), ...cacheOptions(message) });
        break;
      case 'tool': {
        const toolCallId = textOf(message['tool_call_id']);
        if (!toolCallId) throw new UntranslatableError('bad_request', `${at}.tool_call_id is missing`);
        const output = toolOutput(message.content, `${at}.content`);
        // Turns of one role in a row become one message with all their parts: results of parallel calls belong together.
        turns.push({
          role: 'tool',
          content: [{ type: 'tool-result', toolCallId, toolName: toolNames.get(toolCallId) ?? 'tool', output }],
          ...cacheOptions(message),
        });
        break;
      }
      default:
        throw new UntranslatableError(
          'unsupported_param',
          `${at}.role "${message.role}" cannot be sent to this provider: use system, developer, user, assistant or tool`,
        );
    }
  });
  return [...system, ...turns];
}

/** A text is a message with one part; Anthropic refuses empty texts. */
function partsOf(message: Message): unknown[] {
  if (typeof message.content === 'string')
    return message.content === '' ? [] : [{ type: 'text', text: message.content }];
  return itemsOf(message.content).filter((part) => !isEmptyText(fieldsOf(part)));
}

const isEmptyText = (part: Fields) => part['type'] === 'text' && !part['text'];

function systemMessages(message: Message): SystemMessage[] {
  return partsOf(message).map((value) => {
    const part = fieldsOf(value);
    const options = { ...cacheOptions(message), ...cacheOptions(part) };
    return { role: 'system', content: textOf(part['text']) ?? '', ...options };
  });
}

/** A result names its call by id alone; the library wants the name of the function as well. */
function namesOfCalls(messages: readonly Message[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const message of messages)
    for (const value of itemsOf(message['tool_calls'])) {
      const call = fieldsOf(value);
      names.set(String(call['id']), textOf(fieldsOf(call['function'])['name']) ?? 'tool');
    }
  return names;
}
