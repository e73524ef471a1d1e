import { type Dispatcher, request } from 'undici';
import { AnswerError } from '../answer-error.js';
import { endpointUrl } from '../openai-compatible/endpoint-url.js';
import type { OfferedModel } from '../provider-adapter.js';
import { readBody } from '../read-body.js';
import { fieldsOf, textOf } from './fields.js';
import { checkJson } from './judge-body.js';

/** Largest list that is read, in bytes. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** The most that the provider gives at once, and more than it has. */
const PAGE_SIZE = 1_000;

/** Where to ask, and how to get in. */
export interface ModelsRequest {
  baseUrl: string;
  headers: Readonly<Record<string, string>>;
  dispatcher: Dispatcher;
  signal: AbortSignal;
}

/**
 * The models that the key may use.
 * @param onStatus hears the HTTP status as soon as it is known
 * @throws AnswerError, or what the socket threw
 */
export async function fetchModels(
  { baseUrl, headers, dispatcher, signal }: ModelsRequest,
  onStatus: (status: number) => void,
): Promise<OfferedModel[]> {
  const response = await request(endpointUrl(baseUrl, 'models'), {
    query: { limit: PAGE_SIZE },
    headers: { accept: 'application/json', 'anthropic-version': '2023-06-01', ...headers },
    dispatcher,
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  onStatus(response.statusCode);
  const text = await readBody(response.body, MAX_LIST_BYTES);
  const { data } = fieldsOf(checkJson({ status: response.statusCode, headers: response.headers, text }));
  if (!Array.isArray(data)) throw new AnswerError('bad_response', 'the answer is not a list of models');
  return data.flatMap((value: unknown) => {
    const id = textOf(fieldsOf(value)['id']);
    return id ? [{ id }] : [];
  });
}
