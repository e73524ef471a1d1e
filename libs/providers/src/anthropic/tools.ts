import { cacheOptions } from './content-parts.js';
import { fieldsOf, itemsOf, textOf } from './fields.js';
import type { FunctionTool, ToolChoice } from './sdk-types.js';
import { UntranslatableError } from './untranslatable.errors.js';

/**
 * The functions that the model may call.
 * @throws UntranslatableError for tools that are no functions, and for functions without a name
 */
export function toTools(tools: unknown): FunctionTool[] {
  return itemsOf(tools).map((value, index) => {
    const tool = fieldsOf(value);
    const at = `tools[${index}]`;
    if (tool['type'] !== 'function')
      throw new UntranslatableError(
        'unsupported_param',
        `${at}.type "${String(tool['type'])}" is unknown to this provider`,
      );
    const { name, description, parameters, strict } = fieldsOf(tool['function']);
    if (!textOf(name)) throw new UntranslatableError('bad_request', `${at}.function.name is missing`);
    return {
      type: 'function',
      name: String(name),
      // A function without parameters may leave them out in OpenAI's format, and may not in Anthropic's.
      inputSchema: { type: 'object', properties: {}, ...fieldsOf(parameters) },
      ...(textOf(description) && { description: String(description) }),
      ...(typeof strict === 'boolean' && { strict }),
      ...cacheOptions(tool),
    };
  });
}

/** @throws UntranslatableError for a choice that is none of auto, none, required and a named function */
export function toToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice };
  const toolName = textOf(fieldsOf(fieldsOf(choice)['function'])['name']);
  if (toolName) return { type: 'tool', toolName };
  throw new UntranslatableError(
    'unsupported_param',
    'tool_choice must be "auto", "none", "required" or {"type":"function","function":{"name":…}} for this provider',
  );
}
