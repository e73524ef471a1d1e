import { AnswerError } from '../answer-error.js';
import type { Answer } from './chat-completion.js';
import { readStream, type StreamListener } from './read-stream.js';
import type { CallOptions, LanguageModel, SdkWarning } from './sdk-types.js';
import { UntranslatableError } from './untranslatable.errors.js';

interface Asked {
  answer: Answer;
  /** What the library left out or bent. */
  warnings: readonly SdkWarning[];
}

/** Asks for the answer as a stream. @throws AnswerError, or what the library throws */
export async function askForStream(
  model: LanguageModel,
  options: CallOptions,
  listener: StreamListener,
): Promise<Asked> {
  const { stream } = await model.doStream(options);
  return readStream(stream, listener);
}

/** Asks for the answer in one piece. @throws what the library throws */
export async function askForWhole(model: LanguageModel, options: CallOptions): Promise<Asked> {
  const { content, finishReason, usage, response, providerMetadata, warnings } = await model.doGenerate(options);
  const answer = {
    id: response?.id,
    model: response?.modelId,
    content,
    finishReason,
    usage,
    metadata: providerMetadata,
  };
  return { answer, warnings };
}

/**
 * What a failure above the wire means. The library's own words may quote the answer or the prompt, so they are not used.
 * @param status of the answer; undefined when none came
 */
export function meaningOf(error: unknown, status: number | undefined): unknown {
  if (error instanceof AnswerError) return error;
  if (error instanceof UntranslatableError) return new AnswerError(error.failure, error.message);
  if (status !== undefined) return new AnswerError('bad_response', "the answer does not follow Anthropic's format");
  return new AnswerError('bad_request', `the request cannot be written in Anthropic's format (${nameOf(error)})`);
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : typeof error);
