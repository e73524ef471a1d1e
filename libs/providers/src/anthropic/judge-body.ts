import { isShallow } from '#libs/contracts';
import { classifyError } from '../classification/classify-error.js';
import type { ProviderAnswer } from '../classification/error-signal.js';
import { parseJson } from '../read-body.js';
import { headerValue, type Headers } from '../retry-after.js';
import { AnswerError } from '../answer-error.js';
import { fieldsOf } from './fields.js';

/** A body that was read to its end. */
export interface WholeAnswer {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Lets pass what is a whole message, and nothing else: the library takes an unfinished one for good.
 * @returns the message
 * @throws AnswerError
 */
export function checkMessage(answer: WholeAnswer): unknown {
  const message = fieldsOf(checkJson(answer));
  if (!Array.isArray(message['content'])) throw new AnswerError('bad_response', 'the answer is not a message');
  if (typeof message['stop_reason'] !== 'string')
    throw new AnswerError('bad_response', 'the answer has no stop_reason: it is not finished');
  return message;
}

/**
 * The JSON of an answer that reports no error.
 * @throws AnswerError
 */
export function checkJson({ status, headers, text }: WholeAnswer): unknown {
  const json = parseJson(text);
  const reported = reportedError({ status, headers, body: json ?? text });
  if (reported) throw reported;
  if (status >= 300) throw new AnswerError('bad_response', `the provider answered ${status} and nothing more`);
  // Its kind and size, not its text: what a provider generated is the caller's data and stays out of messages.
  if (json === undefined) {
    const type = headerValue(headers, 'content-type') ?? 'no type';
    throw new AnswerError('bad_response', `the answer is not JSON (${type}, ${text.length} characters)`);
  }
  if (!isShallow(json)) throw new AnswerError('bad_response', 'the answer is nested too deeply');
  return json;
}

/** An error that the provider reports: as a status, in a body or as an event of a stream. */
export function reportedError(answer: ProviderAnswer): AnswerError | undefined {
  const error = classifyError(answer, Date.now());
  return error && new AnswerError(error.failure, error.message, error);
}
