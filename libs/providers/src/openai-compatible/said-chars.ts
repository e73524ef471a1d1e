import type { ChatChunk } from '#libs/contracts';

/** Where a delta says something to a reader or a program; roles and ids do not count. */
const TEXTS = ['content', 'reasoning_content', 'reasoning', 'refusal'] as const;

/** How many characters a chunk says: text, reasoning, a refusal, tool calls, audio. 0: it is no progress. */
export function saidChars(chunk: ChatChunk): number {
  let chars = 0;
  for (const { delta } of chunk.choices) {
    if (typeof delta !== 'object' || delta === null) continue;
    for (const name of TEXTS) chars += textLength(delta[name]);
    chars += functionLength(delta['function_call']) + audioLength(delta['audio']);
    const calls: unknown = delta['tool_calls'];
    if (Array.isArray(calls)) for (const call of calls) chars += callLength(call);
  }
  return chars;
}

/** Content is a text, or for some providers a list of parts. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (!Array.isArray(value)) return 0;
  return value.reduce<number>((sum, part) => sum + textLength((part as { text?: unknown } | null)?.text), 0);
}

/** Of a function, or of a custom tool, which takes a text. */
function callLength(value: unknown): number {
  const { function: called, custom } = (value ?? {}) as { function?: unknown; custom?: unknown };
  const { name, input } = (custom ?? {}) as { name?: unknown; input?: unknown };
  return functionLength(called) + textLength(name) + textLength(input);
}

function functionLength(value: unknown): number {
  const called = value as { name?: unknown; arguments?: unknown } | null | undefined;
  return textLength(called?.name) + textLength(called?.arguments);
}

function audioLength(value: unknown): number {
  const audio = value as { data?: unknown; transcript?: unknown } | null | undefined;
  return textLength(audio?.data) + textLength(audio?.transcript);
}
