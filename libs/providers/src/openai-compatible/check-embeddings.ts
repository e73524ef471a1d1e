import { countInputs, type Embeddings, type EmbeddingsRequest, isShallow } from '#libs/contracts';
import { AnswerError } from '../answer-error.js';
import { inEncoding, numbersOf } from './vector-encoding.js';

/** What an answer is held against. */
interface Asked {
  body: Pick<EmbeddingsRequest, 'input' | 'dimensions' | 'encoding_format'>;
  /** Numbers that each vector is known to have where the body does not say. */
  dimensions?: number | undefined;
}

/**
 * Embeddings count when there is one whole vector for every input, and all are as long as they should be. Gives them in the order of
 * the inputs and in the encoding that was asked for: not every provider knows both.
 * @throws AnswerError `bad_response`; `unsupported_param` when the vectors are right but not shortened as was asked
 */
export function checkEmbeddings(answer: object, { body, dimensions }: Asked): Embeddings {
  // It will be written as JSON again, for which recursive code is used.
  if (!isShallow(answer)) throw bad('the answer is nested too deeply');
  const { data } = answer as { data?: unknown };
  if (!Array.isArray(data) || data.length === 0) throw bad('the answer is no list of embeddings');
  const inputs = countInputs(body.input);
  if (data.length !== inputs) throw bad(`the answer has ${data.length} embeddings for ${inputs} inputs`);
  const entries: Embeddings['data'] = Array(inputs);
  let length: number | undefined;
  for (const [i, entry] of (data as unknown[]).entries()) {
    const { index = i, embedding } = (entry ?? {}) as { index?: unknown; embedding?: unknown };
    if (typeof index !== 'number' || !(index in data) || entries[index])
      throw bad(`the answer does not say which input embedding ${i} belongs to`);
    const numbers = numbersOf(embedding);
    if (!numbers) throw bad(`embedding ${i} is no list of numbers`);
    length ??= numbers.length;
    if (numbers.length !== length)
      throw bad(`embedding ${i} has ${numbers.length} numbers, and the first one ${length}`);
    const vector = inEncoding(embedding as number[] | string, numbers, body.encoding_format ?? 'float');
    entries[index] = { ...(entry as object), index, embedding: vector };
  }
  checkLength(length as number, body.dimensions ?? undefined, dimensions);
  return { ...answer, data: entries };
}

/** Whoever asks for vectors that a target cannot make must not make it look sick: that is a fault of the request there. */
function checkLength(length: number, asked: number | undefined, known: number | undefined): void {
  if (asked !== undefined && length !== asked)
    throw new AnswerError('unsupported_param', `dimensions: ${asked} were asked for and the vectors have ${length}`);
  if (asked === undefined && known !== undefined && length !== known)
    throw bad(`the vectors have ${length} numbers, and the target is configured to give ${known}`);
}

const bad = (message: string) => new AnswerError('bad_response', message);
