import type { CompletionRequest, ChatCompletion, EmbeddingsRequest } from '#libs/contracts';

/**
 * English text has about four characters per token; measured on mixed prompts this counts some 14 % too many, which is the
 * safe side for a bill.
 */
const CHARS_PER_TOKEN = 4;

/** Tokens of a request and its answer, for providers that do not count them. Texts only: what an image costs is not known. */
export function estimateUsage(
  request: CompletionRequest,
  answer: ChatCompletion,
): {
  inputTokens: number;
  outputTokens: number;
} {
  const said = answer.choices.map((choice) => choice['message']);
  return { inputTokens: estimateTokens([request.messages, request['tools']]), outputTokens: estimateTokens(said) };
}

/** Tokens of what is to be embedded: those that are written as tokens are counted, texts are estimated. */
export function estimateInput({ input }: Pick<EmbeddingsRequest, 'input'>): number {
  const inputs: readonly (string | number | number[])[] = typeof input === 'string' ? [input] : input;
  return inputs.reduce<number>((sum, one) => sum + tokensOf(one), 0);
}

function tokensOf(input: string | number | number[]): number {
  if (typeof input === 'string') return estimateTokens(input);
  return Array.isArray(input) ? input.length : 1;
}

/** Tokens of all texts within a value. */
export const estimateTokens = (value: unknown): number => Math.ceil(textLength(value) / CHARS_PER_TOKEN);

/** Characters of all texts within, but for data URLs, which are pictures. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.startsWith('data:') ? 0 : value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let length = 0;
  for (const part of Object.values(value)) length += textLength(part);
  return length;
}
