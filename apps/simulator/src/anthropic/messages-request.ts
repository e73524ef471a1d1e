import type { IncomingHttpHeaders } from 'node:http';
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

/** Reads a request to `POST /v1/messages`. */
export function readMessagesRequest(body: Buffer, headers: IncomingHttpHeaders): CompletionRequest {
  const parsed = parseObject(body);
  if ('refusal' in parsed) return { ...UNREAD_REQUEST, refusal: parsed.refusal };
  const { fields } = parsed;
  const model = typeof fields.model === 'string' ? fields.model : '';
  const texts = textsOf(fields.messages);
  return {
    ...UNREAD_REQUEST,
    model,
    stream: fields.stream === true,
    includeUsage: true,
    maxTokens: wishOf(fields.max_tokens),
    ...measurePrompt(model, [...textsOf([{ content: fields.system }]), ...texts]),
    tool: findTool(fields, texts),
    json: findJsonFormat(fields),
    endsWithAssistant: endsWithAssistant(fields.messages),
    refusal: findRefusal(fields, headers),
  };
}

/** The tool that `tool_choice` (or the prompt) asks for, if it is among the tools. */
function findTool(
  { tools, tool_choice: choice }: Record<string, unknown>,
  texts: unknown[],
): CompletionRequest['tool'] {
  const type = isRecord(choice) ? choice.type : 'auto';
  const isForced = type === 'any' || type === 'tool' || (type !== 'none' && wantsTool(texts));
  const wanted = type === 'tool' && isRecord(choice) ? choice.name : undefined;
  for (const tool of isForced ? listOf(tools) : []) {
    if (!isRecord(tool) || typeof tool.name !== 'string') continue;
    if (wanted === undefined || wanted === tool.name) return { name: tool.name, schema: tool.input_schema };
  }
  return null;
}

function findJsonFormat({ output_config: config, output_format: older }: Record<string, unknown>) {
  const format = isRecord(config) ? config.format : older;
  return isRecord(format) && format.type === 'json_schema' ? { schema: format.schema } : null;
}

function findRefusal(body: Record<string, unknown>, headers: IncomingHttpHeaders): WireError | null {
  if (headers['anthropic-version'] === undefined) return invalidRequest('anthropic-version: header is required');
  if (typeof body.model !== 'string' || body.model === '') return invalidRequest('model: Field required');
  if (body.max_tokens === undefined) return invalidRequest('max_tokens: Field required');
  if (!(Number.isInteger(body.max_tokens) && (body.max_tokens as number) >= 1)) {
    return invalidRequest('max_tokens: Input should be an integer greater than or equal to 1');
  }
  if (!Array.isArray(body.messages)) return invalidRequest('messages: Field required');
  if (body.messages.length === 0) return invalidRequest('messages: at least one message is required');
  const wrong = body.messages.findIndex((message) => !isRecord(message) || typeof message.role !== 'string');
  return wrong === -1 ? null : invalidRequest(`messages.${wrong}.role: Field required`);
}

/** Here everybody has to set a limit. One that leaves room for any answer is no wish for a long one. */
const ROOM_FOR_ANY = 4_096;

const wishOf = (maxTokens: unknown) => (typeof maxTokens === 'number' && maxTokens < ROOM_FOR_ANY ? maxTokens : null);
