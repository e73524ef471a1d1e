import type { Embeddings } from '#libs/contracts';
import type { Dispatcher } from 'undici';
import { AnswerError } from '../answer-error.js';
import type { EmbeddingsCall } from '../provider-adapter.js';
import { BodyTooLargeError } from '../read-body.js';
import { checkEmbeddings } from './check-embeddings.js';
import { readJson } from './read-json.js';

/** Largest answer that is read, in bytes: 2,048 vectors of 3,072 numbers in base64, or of 1,536 written out. */
const MAX_EMBEDDINGS_BYTES = 72 * 1024 * 1024;

/**
 * Reads the answer to a request for embeddings.
 * @throws AnswerError what `readJson` and `checkEmbeddings` throw; `too_large` when more was asked for than can be held
 */
export async function readEmbeddings(response: Dispatcher.ResponseData, call: EmbeddingsCall): Promise<Embeddings> {
  try {
    return checkEmbeddings(await readJson(response, MAX_EMBEDDINGS_BYTES), call);
  } catch (error) {
    // Every provider would answer with as much: whoever asks is to ask for less.
    if (error instanceof BodyTooLargeError)
      throw new AnswerError('too_large', `${error.message}: ask for fewer inputs at once, or for base64`);
    throw error;
  }
}
