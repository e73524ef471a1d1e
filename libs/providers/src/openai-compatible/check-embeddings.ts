import { AnswerError } from '../answer-error.js';
import type { Embeddings } from '../provider-adapter.js';

/**
 * Embeddings count when there is one vector for every input.
 * @throws AnswerError `bad_response`
 */
export function checkEmbeddings(body: object, input: unknown): Embeddings {
  const { data } = body as { data?: unknown };
  if (!Array.isArray(data) || data.length === 0 || !data.every(isVector))
    throw new AnswerError('bad_response', 'the answer is no list of embeddings');
  // A list of numbers is one input, made of tokens.
  const asked = Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1;
  if (data.length !== asked)
    throw new AnswerError('bad_response', `the answer has ${data.length} embeddings for ${asked} inputs`);
  return body as Embeddings;
}

/** A list of numbers, or base64 where that was asked for. */
function isVector(entry: unknown): boolean {
  const { embedding } = (entry ?? {}) as { embedding?: unknown };
  if (typeof embedding === 'string') return embedding.length > 0;
  return Array.isArray(embedding) && embedding.length > 0 && embedding.every((value) => typeof value === 'number');
}
