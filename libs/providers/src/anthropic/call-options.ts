import type { CompletionRequest } from '#libs/contracts';
import { fieldsOf, itemsOf } from './fields.js';
import { toPrompt } from './prompt.js';
import { providerSettings } from './provider-settings.js';
import type { CallOptions } from './sdk-types.js';
import { toTools, toToolChoice } from './tools.js';
import { UntranslatableError } from './untranslatable.errors.js';

/**
 * Anthropic wants a limit, and the caller gave none. The library would ask for the model's maximum, which may be 128,000 tokens; OpenAI's
 * callers expect an answer of ordinary length.
 */
const DEFAULT_MAX_TOKENS = 4_096;

/**
 * An OpenAI body in the library's words.
 * @throws UntranslatableError for what cannot be said to this provider
 */
export function toCallOptions(body: CompletionRequest): Omit<CallOptions, 'abortSignal'> {
  const tools = toTools(body['tools']);
  const toolChoice = toToolChoice(body['tool_choice']);
  const responseFormat = toResponseFormat(body['response_format']);
  const stop = typeof body['stop'] === 'string' ? [body['stop']] : itemsOf(body['stop']).map(String);
  return {
    prompt: toPrompt(body.messages),
    maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? DEFAULT_MAX_TOKENS,
    ...numberSetting('temperature', body.temperature),
    ...numberSetting('topP', body['top_p']),
    ...numberSetting('topK', body['top_k']),
    ...(stop.length > 0 && { stopSequences: stop }),
    ...(tools.length > 0 && { tools }),
    ...(toolChoice && { toolChoice }),
    ...(responseFormat && { responseFormat }),
    providerOptions: { anthropic: providerSettings(body) },
  };
}

const numberSetting = <Name extends string>(name: Name, value: unknown) =>
  typeof value === 'number' ? ({ [name]: value } as Record<Name, number>) : {};

function toResponseFormat(format: unknown): CallOptions['responseFormat'] {
  const { type, json_schema: jsonSchema } = fieldsOf(format);
  switch (type) {
    case undefined:
    case 'text':
      return undefined;
    case 'json_object':
      return { type: 'json' };
    case 'json_schema': {
      const { schema, name, description } = fieldsOf(jsonSchema);
      if (Object.keys(fieldsOf(schema)).length === 0)
        throw new UntranslatableError('bad_request', 'response_format.json_schema.schema is missing');
      return {
        type: 'json',
        schema: fieldsOf(schema),
        ...(typeof name === 'string' && { name }),
        ...(typeof description === 'string' && { description }),
      };
    }
    default:
      throw new UntranslatableError(
        'unsupported_param',
        `response_format.type "${String(type)}" is unknown to this provider: use text, json_object or json_schema`,
      );
  }
}
