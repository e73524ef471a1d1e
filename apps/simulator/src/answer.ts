import type { CompletionRequest } from './completion-request.js';
import { fillSchema } from './fill-schema.js';
import { seededRandom } from './seeded-random.js';

/** Tokens of an answer when the request sets no limit. */
const DEFAULT_ANSWER_TOKENS = 24;
/** No answer is longer, whatever the request allows. */
const MAX_ANSWER_TOKENS = 4_096;
/** JSON comes in fragments of this many characters, one token each. */
const FRAGMENT_CHARS = 8;

const WORDS = (
  'the stage is lit and a voice from behind curtain gives each line when lead falls silent another steps in play goes on ' +
  'while house listens without knowing who spoke first every word finds its place scene after until last bow'
).split(' ');

/** A composed answer, before it takes the shape of a wire. */
export interface Answer {
  /** Without a wire's prefix. */
  id: string;
  /** Epoch ms. */
  createdMs: number;
  model: string;
  /** The text, or the arguments of the tool call, a token each. */
  tokens: string[];
  /** The tool that is called; null for an answer in words. */
  toolName: string | null;
  finishReason: 'stop' | 'length' | 'tool_calls';
  /** Sent word for word in place of the wire's word for `finishReason`. */
  rawFinishReason?: string;
  /** Null: the provider tells none. */
  usage: { inputTokens: number; outputTokens: number } | null;
  /** What is missing from it: the list of choices (of content blocks, of embeddings), its entries, or all but the role. */
  defect?: 'no-choices' | 'empty-choices' | 'role-only';
  /** What is wrong with its embeddings. */
  vectors?: 'missing' | 'short' | 'not-finite';
}

/** What identifies one answer among all: its id and when it was made. */
export interface AnswerIdentity {
  seq: number;
  atMs: number;
}

/**
 * Composes the answer to a request: the same words for the same request. With a token limit an answer in words fills it
 * exactly (finish reason `length`), so a caller can ask for any length.
 */
export function composeAnswer(request: CompletionRequest, { seq, atMs }: AnswerIdentity): Answer {
  const tokens = composeTokens(request);
  const isCut = request.tool === null && request.maxTokens !== null && request.maxTokens <= tokens.length;
  return {
    id: `sim${seq.toString(36).padStart(8, '0')}`,
    createdMs: atMs,
    model: request.model,
    tokens,
    toolName: request.tool?.name ?? null,
    finishReason: request.tool === null ? (isCut ? 'length' : 'stop') : 'tool_calls',
    usage: { inputTokens: Math.ceil(request.promptChars / 4), outputTokens: tokens.length },
  };
}

function composeTokens({ tool, json, embeddings, maxTokens, fingerprint }: CompletionRequest): string[] {
  if (embeddings !== null) return [];
  if (tool !== null) return fragmentsOf(fillSchema(tool.schema));
  if (json !== null) return fragmentsOf(fillSchema(json.schema)).slice(0, maxTokens ?? MAX_ANSWER_TOKENS);
  const random = seededRandom(fingerprint);
  const count = Math.min(maxTokens ?? DEFAULT_ANSWER_TOKENS, MAX_ANSWER_TOKENS);
  return Array.from({ length: count }, (_, index) => {
    const word = WORDS[Math.floor(random() * WORDS.length)] ?? 'on';
    return index === 0 ? word : ` ${word}`;
  });
}

function fragmentsOf(value: unknown): string[] {
  // Characters, not UTF-16 units: a fragment must be valid text by itself.
  const characters = Array.from(JSON.stringify(value));
  const fragments: string[] = [];
  for (let at = 0; at < characters.length; at += FRAGMENT_CHARS) {
    fragments.push(characters.slice(at, at + FRAGMENT_CHARS).join(''));
  }
  return fragments;
}
