import { chatCompletionSchema, isShallow, type ChatCompletion } from '#libs/contracts';
import { AnswerError } from '../answer-error.js';
import { messageProblem } from './message-problem.js';

/** Finish reasons with which a provider says inside a 200 that it failed. */
const FAILED_FINISH = new Set(['insufficient_system_resource', 'error']);

/**
 * HTTP 200 proves nothing: an answer counts when it is a completion, is finished, says something, and nothing of that is lost.
 * @throws AnswerError `bad_response`, or `server_error` when it says itself that it failed
 */
export function checkCompletion(body: unknown): ChatCompletion {
  // It will be written as JSON again, for which recursive code is used.
  if (!isShallow(body)) throw new AnswerError('bad_response', 'the answer is nested too deeply');
  const parsed = chatCompletionSchema.safeParse(body);
  if (!parsed.success) throw new AnswerError('bad_response', 'the answer is not a chat completion');
  for (const choice of parsed.data.choices) {
    const reason = choice.finish_reason ?? null;
    if (reason !== null && FAILED_FINISH.has(reason))
      throw new AnswerError('server_error', `the answer ended with finish_reason "${reason}"`);
    if (!says(choice['message']) && reason !== 'content_filter' && reason !== 'length')
      throw new AnswerError('bad_response', 'the answer has neither content nor a tool call');
    const problem = messageProblem(choice['message'], reason);
    if (problem) throw new AnswerError('bad_response', problem);
  }
  return parsed.data;
}

function says(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false;
  const fields = message as Record<string, unknown>;
  return ['content', 'refusal', 'tool_calls', 'function_call', 'reasoning_content', 'reasoning', 'audio'].some((name) =>
    isFilled(fields[name]),
  );
}

function isFilled(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  return typeof value === 'string' || Array.isArray(value) ? value.length > 0 : true;
}
