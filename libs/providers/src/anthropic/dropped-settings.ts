import type { SdkWarning } from './sdk-types.js';

/** Fields of an OpenAI body that are carried over; every other one is left out. */
const TRANSLATED = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'thinking',
  'user',
  'metadata',
]);

/** OpenAI's names for what the library warns of in its own. Its other warnings are about no setting of the caller. */
const OPENAI_NAMES: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  maxOutputTokens: 'max_tokens',
  responseFormat: 'response_format',
  toolChoice: 'tool_choice',
  strict: 'tools.function.strict',
  'providerOptions.anthropic.effort': 'reasoning_effort',
  'providerOptions.anthropic.thinking': 'thinking',
};

/** What asks for nothing is not missed: `n: 1`, `logprobs: false`, a penalty of 0, an empty `logit_bias`. */
function asksForNothing(name: string, value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  if (name === 'n') return value === 1;
  if (name === 'seed') return false;
  return value === 0 || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** Settings that could not be sent as the caller wrote them: left out, or bent to what the model takes. */
export function droppedSettings(body: Record<string, unknown>, warnings: readonly SdkWarning[]): string[] {
  const dropped = new Set<string>();
  for (const [name, value] of Object.entries(body))
    if (!TRANSLATED.has(name) && !asksForNothing(name, value)) dropped.add(name);
  for (const warning of warnings) {
    const name = warning.type === 'other' ? undefined : OPENAI_NAMES[warning.feature];
    if (name) dropped.add(name);
  }
  return [...dropped];
}
