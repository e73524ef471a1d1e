import type { CompletionRequest } from './completion-request.js';
import { seededRandom } from './seeded-random.js';

/** Tokens of an answer when the request sets no limit. */
const DEFAULT_ANSWER_TOKENS = 24;
/** No answer is longer, whatever the request allows. */
const MAX_ANSWER_TOKENS = 4_096;

const WORDS = (
  'the stage is lit and a voice from behind curtain gives each line when lead falls silent another steps in play goes on ' +
  'while house listens without knowing who spoke first every word finds its place scene after until last bow'
).split(' ');

/** A composed answer, before it takes the shape of a body or of a stream. One word is one token. */
export interface Answer {
  id: string;
  /** Epoch seconds. */
  created: number;
  model: string;
  tokens: string[];
  finishReason: 'stop' | 'length';
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

/** What identifies one answer among all: its id and when it was made. */
export interface AnswerIdentity {
  seq: number;
  atMs: number;
}

/**
 * Composes the answer to a request: the same words for the same request. With a token limit the answer fills it
 * exactly (finish reason `length`), so a caller can ask for any length.
 */
export function composeAnswer(request: CompletionRequest, { seq, atMs }: AnswerIdentity): Answer {
  const random = seededRandom(request.fingerprint);
  const count = Math.min(request.maxTokens ?? DEFAULT_ANSWER_TOKENS, MAX_ANSWER_TOKENS);
  const tokens: string[] = [];
  for (let index = 0; index < count; index++) {
    const word = WORDS[Math.floor(random() * WORDS.length)] ?? 'on';
    tokens.push(index === 0 ? word : ` ${word}`);
  }
  const promptTokens = Math.ceil(request.promptChars / 4);
  return {
    id: `chatcmpl-sim${seq.toString(36).padStart(8, '0')}`,
    created: Math.floor(atMs / 1000),
    model: request.model,
    tokens,
    finishReason: request.maxTokens !== null && request.maxTokens <= tokens.length ? 'length' : 'stop',
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: tokens.length,
      total_tokens: promptTokens + tokens.length,
    },
  };
}

/** The answer as a `chat.completion` body. */
export function renderCompletion(answer: Answer): string {
  return JSON.stringify({
    id: answer.id,
    object: 'chat.completion',
    created: answer.created,
    model: answer.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: answer.tokens.join(''), refusal: null },
        logprobs: null,
        finish_reason: answer.finishReason,
      },
    ],
    usage: answer.usage,
  });
}
