import { z } from 'zod';
import { MAX_NAME_LENGTH } from './completion-request.js';

/** Texts of one request at most; as OpenAI, and fewer than most providers take in one go. */
export const MAX_INPUTS = 2_048;

/** Tokens of all inputs of one request: somewhat more than OpenAI takes. */
const MAX_TOKENS = 400_000;

/** A text, or the tokens of one; or a list of texts, or of such lists. */
export type EmbeddingsInput = string | string[] | number[] | number[][];

/**
 * What is to become vectors. Looked through by hand: a schema would report each of a hundred thousand tokens of the wrong kind, and
 * each of them against every form that an input may have.
 */
const input = z
  .unknown()
  .superRefine((value, context) => {
    const problem = inputProblem(value);
    if (problem) context.addIssue({ code: 'custom', ...problem });
  })
  .meta({
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', minItems: 1, maxItems: MAX_INPUTS, items: { type: 'string', minLength: 1 } },
      { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } },
      {
        type: 'array',
        minItems: 1,
        maxItems: MAX_INPUTS,
        items: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } },
      },
    ],
  }) as unknown as z.ZodType<EmbeddingsInput, EmbeddingsInput>;

/**
 * An OpenAI embeddings body. As with chat completions, only what we read ourselves is described; every other field is kept and sent
 * on unchanged.
 */
export const embeddingsRequestSchema = z.looseObject({
  /** Name of a route whose targets make embeddings. */
  model: z.string().min(1).max(MAX_NAME_LENGTH),
  input,
  /** Numbers that each vector is to have, where the model can give fewer than all. */
  dimensions: z.int().positive().nullish(),
  /** How vectors are written; `base64` is that of 32-bit floats. Default: `float`. */
  encoding_format: z.enum(['float', 'base64'], { error: 'must be float or base64' }).nullish(),
  stream: z.literal(false, { error: 'leave it out: embeddings are not streamed' }).nullish(),
});

export type EmbeddingsRequest = z.infer<typeof embeddingsRequestSchema>;

/** The request but for what is to be embedded, which may hold many values and reports one of them at most. */
export function withoutInput(request: unknown): unknown {
  return typeof request === 'object' && request !== null && 'input' in request ? { ...request, input: null } : request;
}

/** How many vectors an input asks for: a list of numbers is one input, made of tokens. */
export const countInputs = (asked: EmbeddingsInput): number =>
  Array.isArray(asked) && typeof asked[0] !== 'number' ? asked.length : 1;

/** Numbers, or the base64 of 32-bit floats. Not looked into: it may be long, and whoever called the provider has checked it. */
const embedding = z.unknown().meta({
  anyOf: [{ type: 'array', items: { type: 'number' } }, { type: 'string' }],
}) as unknown as z.ZodType<number[] | string, number[] | string>;

/** An OpenAI embeddings response, kept verbatim: one vector for each input. */
export const embeddingsSchema = z.looseObject({
  model: z.string().nullish(),
  data: z.array(z.looseObject({ index: z.number(), embedding })).min(1),
});

export type Embeddings = z.infer<typeof embeddingsSchema>;

interface InputProblem {
  path?: PropertyKey[];
  message: string;
}

function inputProblem(value: unknown): InputProblem | undefined {
  if (value === undefined || value === null) return { message: 'is missing; expected a text, or a list of texts' };
  if (value === '') return { message: 'is empty: there is nothing to embed' };
  if (typeof value === 'string') return undefined;
  if (!Array.isArray(value)) return { message: 'must be a text, a list of texts, or tokens' };
  if (value.length === 0) return { message: 'is empty: there is nothing to embed' };
  const tokens = value.reduce<number>((sum, entry) => sum + (Array.isArray(entry) ? entry.length : 1), 0);
  if (tokens > MAX_TOKENS)
    return { message: `holds ${tokens} tokens; at most ${MAX_TOKENS} are taken at once: send several requests` };
  if (typeof value[0] === 'number') return firstProblem(value, (entry) => (isToken(entry) ? undefined : NO_TOKEN));
  if (value.length > MAX_INPUTS)
    return { message: `holds ${value.length} inputs; at most ${MAX_INPUTS} are taken at once: send several requests` };
  return firstProblem(value, typeof value[0] === 'string' ? textProblem : tokensProblem);
}

const NO_TOKEN: InputProblem = { message: 'is no token: tokens are whole numbers from 0' };

const isToken = (entry: unknown) => Number.isSafeInteger(entry) && (entry as number) >= 0;

function textProblem(entry: unknown): InputProblem | undefined {
  if (typeof entry !== 'string') return { message: 'must be a text like the first input' };
  return entry === '' ? { message: 'is empty: leave it out' } : undefined;
}

function tokensProblem(entry: unknown): InputProblem | undefined {
  if (!Array.isArray(entry)) return { message: 'must be a text, or a list of tokens' };
  if (entry.length === 0) return { message: 'is empty: leave it out' };
  return entry.every(isToken) ? undefined : { message: 'holds what is no token: tokens are whole numbers from 0' };
}

/** Of the first wrong entry, with its place. */
function firstProblem(
  entries: readonly unknown[],
  problemOf: (entry: unknown) => InputProblem | undefined,
): InputProblem | undefined {
  for (const [i, entry] of entries.entries()) {
    const problem = problemOf(entry);
    if (problem) return { ...problem, path: [i] };
  }
  return undefined;
}
