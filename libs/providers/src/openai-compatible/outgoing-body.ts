import type { BodyChanges, ChatCall, EmbeddingsCall, MaxTokensField } from '../provider-adapter.js';

type Fields = Record<string, unknown>;

/**
 * The caller's body as it goes out: every field as it was, but for what the target needs changed. Model and streaming are
 * set last, so that nothing in the caller's body can choose another model or another way to be answered.
 */
export function outgoingBody(
  { body, model, stream, changes }: Pick<ChatCall, 'body' | 'model' | 'stream' | 'changes'>,
  maxTokensField: MaxTokensField | undefined,
): Fields {
  const { n: _always1, understudy: _ours, stream: _stream, stream_options: asked, ...theirs } = body as Fields;
  const fields = changed(withMaxTokens(theirs, maxTokensField), changes);
  if (!stream) return { ...fields, model, stream: false, stream_options: undefined };
  // The usage comes in a last chunk, and only when it is asked for. Providers that refuse the field can have it dropped.
  const options = { ...(asked as object | null), ...(fields['stream_options'] as object), include_usage: true };
  const isDropped = changes?.drop?.includes('stream_options') ?? false;
  return { ...fields, model, stream: true, stream_options: isDropped ? undefined : options };
}

/** The same of a request for embeddings, which knows no streams. */
export function outgoingEmbeddings({
  body,
  model,
  changes,
}: Pick<EmbeddingsCall, 'body' | 'model' | 'changes'>): Fields {
  const { understudy: _ours, ...theirs } = body as Fields;
  return { ...changed(theirs, changes), model };
}

function withMaxTokens(body: Fields, field: MaxTokensField | undefined): Fields {
  const limit = body['max_completion_tokens'] ?? body['max_tokens'];
  if (!field || limit === undefined || limit === null) return body;
  const { max_tokens: _old, max_completion_tokens: _new, ...rest } = body;
  return { ...rest, [field]: limit };
}

/** Rename, drop, set; in this order. */
function changed(body: Fields, changes: BodyChanges | undefined): Fields {
  if (!changes) return body;
  const out = { ...body };
  for (const [from, to] of Object.entries(changes.rename ?? {})) {
    if (!Object.hasOwn(out, from)) continue;
    out[to] = out[from];
    delete out[from];
  }
  for (const name of changes.drop ?? []) delete out[name];
  return { ...out, ...changes.set };
}
