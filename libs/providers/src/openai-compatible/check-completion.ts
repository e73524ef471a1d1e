import { chatCompletionSchema, isShallow, type ChatCompletion } from '#libs/contracts';
import type { FailureClass } from '#libs/health-core';

/** Finish reasons with which a provider says inside a 200 that it failed. */
const FAILED_FINISH = new Set(['insufficient_system_resource', 'error']);

type Checked = { completion: ChatCompletion } | { failure: FailureClass; message: string };

/** HTTP 200 proves nothing: an answer counts when it is a completion, is finished, and says something. */
export function checkCompletion(body: unknown): Checked {
  // It will be written as JSON again, for which recursive code is used.
  if (!isShallow(body)) return { failure: 'bad_response', message: 'the answer is nested too deeply' };
  const parsed = chatCompletionSchema.safeParse(body);
  if (!parsed.success) return { failure: 'bad_response', message: 'the answer is not a chat completion' };
  for (const choice of parsed.data.choices) {
    const reason = choice.finish_reason ?? null;
    if (reason !== null && FAILED_FINISH.has(reason))
      return { failure: 'server_error', message: `the answer ended with finish_reason "${reason}"` };
    if (!says(choice['message']) && reason !== 'content_filter' && reason !== 'length')
      return { failure: 'bad_response', message: 'the answer has neither content nor a tool call' };
  }
  return { completion: parsed.data };
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
