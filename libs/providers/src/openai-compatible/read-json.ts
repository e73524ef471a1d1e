import type { Dispatcher } from 'undici';
import { AnswerError } from '../answer-error.js';
import { classifyError } from '../classification/classify-error.js';
import { parseJson, readBody } from '../read-body.js';

/**
 * Reads an answer in one piece.
 * @throws AnswerError when it is no JSON object, or reports an error; or whatever broke the reading
 */
export async function readJson(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<object> {
  const text = await readBody(body, maxBytes);
  const json = parseJson(text);
  const reported = classifyError({ status: statusCode, headers, body: json }, Date.now());
  if (reported) throw new AnswerError(reported.failure, reported.message, reported);
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  // Its kind and size, not its text: what a provider generated is the caller's data and stays out of logs and traces.
  const kind = String(headers['content-type'] ?? 'no type').slice(0, 80);
  const isCut = json === undefined && text.trimStart().startsWith('{');
  throw new AnswerError('bad_response', `the answer is no JSON object (${kind}, ${text.length} characters)`, {
    discardedChars: isCut ? text.length : undefined,
  });
}
