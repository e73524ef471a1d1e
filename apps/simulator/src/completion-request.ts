import { hashText } from './seeded-random.js';
import type { WireError } from './wire.js';

/** What the simulator keeps of a request for an answer. The prompt itself is measured and dropped. */
export interface CompletionRequest {
  /** Empty when the body named none. */
  model: string;
  stream: boolean;
  /** A stream ends with its usage. */
  includeUsage: boolean;
  maxTokens: number | null;
  promptChars: number;
  /** Equal for the same model and messages; the answer is made from it. */
  fingerprint: number;
  /** The tool to call instead of an answer in words. */
  tool: { name: string; schema: unknown } | null;
  /** The answer must be JSON, of this schema if there is one. */
  json: { schema: unknown } | null;
  /** The last message is the assistant's: the answer is to continue it. */
  endsWithAssistant: boolean;
  /** What to embed, when embeddings are asked for. */
  embeddings: { inputs: string[]; dimensions: number; isBase64: boolean } | null;
  /** Why a provider would refuse this request. */
  refusal: WireError | null;
}

/** A request of which nothing is known. */
export const UNREAD_REQUEST: CompletionRequest = {
  model: '',
  stream: false,
  includeUsage: false,
  maxTokens: null,
  promptChars: 0,
  fingerprint: 0,
  tool: null,
  json: null,
  endsWithAssistant: false,
  embeddings: null,
  refusal: null,
};

/** How much of the prompt goes into the fingerprint: enough to tell requests apart, cheap for a prompt of megabytes. */
const FINGERPRINT_CHARS = 2_048;

/** Measures the texts of a prompt; anything that is no text counts nothing. */
export function measurePrompt(model: string, texts: readonly unknown[]) {
  let promptChars = 0;
  let sample = '';
  for (const text of texts) {
    if (typeof text !== 'string') continue;
    promptChars += text.length;
    sample += text.slice(0, FINGERPRINT_CHARS - sample.length);
  }
  return { promptChars, fingerprint: hashText(`${model}\n${promptChars}\n${sample}`) };
}

/** The texts of a list of messages; content is a text or a list of parts. */
export function textsOf(messages: unknown): unknown[] {
  return listOf(messages).flatMap((message) => {
    const content = isRecord(message) ? message.content : undefined;
    return Array.isArray(content) ? content.map((part) => (isRecord(part) ? part.text : undefined)) : [content];
  });
}

/** Whether the last message is the assistant's. */
export function endsWithAssistant(messages: unknown): boolean {
  const last = listOf(messages).at(-1);
  return isRecord(last) && last.role === 'assistant';
}

/** Whether the last text asks for a tool in so many words: the way to get one without a `tool_choice`. */
export function wantsTool(texts: readonly unknown[]): boolean {
  const last = texts.at(-1);
  return typeof last === 'string' && /\buse the tool\b/i.test(last);
}

/** Reads a body as a JSON object; otherwise says what is wrong with it. */
export function parseObject(body: Buffer): { fields: Record<string, unknown> } | { refusal: WireError } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return { refusal: invalidRequest('The body of the request is not valid JSON.') };
  }
  if (isRecord(parsed)) return { fields: parsed };
  return { refusal: invalidRequest('The body of the request must be a JSON object.') };
}

/** A request the provider refuses because of what it says: 400 unless told otherwise. */
export function invalidRequest(message: string, rest: Partial<Omit<WireError, 'message'>> = {}): WireError {
  return { status: 400, ...rest, message };
}

/** The value as a list; empty when it is none. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Whether the value is an object with fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
