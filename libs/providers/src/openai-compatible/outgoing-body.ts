import type { ChatCall, MaxTokensField } from '../provider-adapter.js';

/** The caller's body as it goes out: every field as it was, but the model is the target's, and nothing is streamed. */
export function outgoingBody(
  { body, model }: ChatCall,
  maxTokensField: MaxTokensField | undefined,
): Record<string, unknown> {
  // Last, so that nothing in the caller's body can choose another model or ask for a stream.
  const ours = { model, stream: false, stream_options: undefined };
  const limit = body.max_completion_tokens ?? body.max_tokens;
  if (!maxTokensField || limit == null) return { ...body, ...ours };
  return { ...body, max_tokens: undefined, max_completion_tokens: undefined, [maxTokensField]: limit, ...ours };
}
