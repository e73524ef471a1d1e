import {
  endsWithAssistant,
  invalidRequest,
  isRecord,
  listOf,
  measurePrompt,
  parseObject,
  textsOf,
  UNREAD_REQUEST,
  wantsTool,
  type CompletionRequest,
} from '../completion-request.js';
import type { WireError } from '../wire.js';

/** Reads the body of `POST /v1/chat/completions`. */
export function readChatRequest(body: Buffer): CompletionRequest {
  const parsed = parseObject(body);
  if ('refusal' in parsed) return { ...UNREAD_REQUEST, refusal: parsed.refusal };
  const { fields } = parsed;
  const model = typeof fields.model === 'string' ? fields.model : '';
  const limit = fields.max_completion_tokens ?? fields.max_tokens ?? null;
  const texts = textsOf(fields.messages);
  return {
    ...UNREAD_REQUEST,
    model,
    stream: fields.stream === true,
    includeUsage: isRecord(fields.stream_options) && fields.stream_options.include_usage === true,
    maxTokens: typeof limit === 'number' ? limit : null,
    ...measurePrompt(model, texts),
    tool: findTool(fields, texts),
    json: findJsonFormat(fields.response_format),
    endsWithAssistant: endsWithAssistant(fields.messages),
    refusal: findRefusal(fields, limit),
  };
}

/** The tool that `tool_choice` (or the prompt) asks for, if it is among the tools. */
function findTool(
  { tools, tool_choice: choice }: Record<string, unknown>,
  texts: unknown[],
): CompletionRequest['tool'] {
  const isForced = choice === 'required' || isRecord(choice) || (choice !== 'none' && wantsTool(texts));
  const wanted = isRecord(choice) && isRecord(choice.function) ? choice.function.name : undefined;
  for (const tool of isForced ? listOf(tools) : []) {
    const { name, parameters } = isRecord(tool) && isRecord(tool.function) ? tool.function : {};
    if (typeof name === 'string' && (wanted === undefined || wanted === name)) return { name, schema: parameters };
  }
  return null;
}

function findJsonFormat(format: unknown): CompletionRequest['json'] {
  if (!isRecord(format)) return null;
  if (format.type === 'json_object') return { schema: undefined };
  if (format.type !== 'json_schema') return null;
  return { schema: isRecord(format.json_schema) ? format.json_schema.schema : undefined };
}

function findRefusal(body: Record<string, unknown>, limit: unknown): WireError | null {
  if (typeof body.model !== 'string' || body.model === '') {
    return invalidRequest('You must provide a model parameter.', { param: 'model' });
  }
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return invalidRequest("'messages' must be an array with at least one message.", { param: 'messages' });
  }
  const wrong = body.messages.findIndex((message) => !isRecord(message) || typeof message.role !== 'string');
  if (wrong !== -1) {
    return invalidRequest('A message must be an object with a role.', { param: `messages.[${wrong}].role` });
  }
  if (limit !== null && !(Number.isInteger(limit) && (limit as number) >= 1)) {
    const param = body.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens';
    return invalidRequest(`'${param}' must be an integer of at least 1.`, { param, openAi: { code: 'invalid_value' } });
  }
  return null;
}
