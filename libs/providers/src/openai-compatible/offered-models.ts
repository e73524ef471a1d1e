import { AnswerError } from '../answer-error.js';
import type { OfferedModel } from '../provider-adapter.js';

/**
 * The models in an answer of `GET /models`.
 * @throws AnswerError `bad_response`
 */
export function offeredModels(body: object): OfferedModel[] {
  const { data } = body as { data?: unknown };
  if (!Array.isArray(data)) throw new AnswerError('bad_response', 'the answer is no list of models');
  return data.flatMap((entry: unknown) => {
    const { id, shutdown_date: shutdownDate } = (entry ?? {}) as { id?: unknown; shutdown_date?: unknown };
    if (typeof id !== 'string' || id === '') return [];
    return [typeof shutdownDate === 'string' ? { id, shutdownDate } : { id }];
  });
}
