import { parseJson } from '../read-body.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What keeps a message of an answer from being used, in words that quote nothing of it: a part of it that was lost on the way leaves
 * such traces. Undefined: nothing.
 * @param finishReason why the answer ended; one that was cut at its token limit may end anywhere
 */
export function messageProblem(message: unknown, finishReason: string | null): string | undefined {
  const { content = null, tool_calls: calls = null, function_call: older = null } = fieldsOf(message);
  if (content !== null && typeof content !== 'string' && !Array.isArray(content))
    return 'the content of the answer is neither text nor a list of parts';
  if (calls !== null && !Array.isArray(calls)) return 'the tool calls of the answer are no list';
  if (finishReason === 'tool_calls' && !calls?.length && older === null)
    return 'the answer ended to have tools called, and names none';
  return calls?.map((call: unknown) => callProblem(fieldsOf(call), finishReason)).find((problem) => problem);
}

/** Calls of other types have other fields, which are their caller's business. */
function callProblem({ type = 'function', function: called }: Fields, finishReason: string | null): string | undefined {
  if (type !== 'function') return undefined;
  const { name, arguments: args } = fieldsOf(called);
  if (typeof name !== 'string' || name === '') return 'a tool call has no name';
  // Empty where there are none; an object from those who do not know that OpenAI's is a text.
  if (typeof args !== 'string' || args.trim() === '' || finishReason === 'length') return undefined;
  return parseJson(args) === undefined ? 'the arguments of a tool call are not JSON' : undefined;
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
