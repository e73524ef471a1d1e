import type { Answer } from '../answer.js';
import {
  invalidRequest,
  measurePrompt,
  parseObject,
  UNREAD_REQUEST,
  type CompletionRequest,
} from '../completion-request.js';
import type { Endpoint } from '../endpoint.js';
import { seededRandom } from '../seeded-random.js';
import type { WireError } from '../wire.js';
import { openAiWire } from './openai.wire.js';

const DEFAULT_DIMENSIONS = 8;
const MAX_DIMENSIONS = 1_536;
const MAX_INPUTS = 2_048;

/** `POST /v1/embeddings`: the same vector of length 1 for the same text and model. */
export const openAiEmbeddings: Endpoint = {
  wire: openAiWire,
  operation: 'embeddings',
  read: readEmbeddingsRequest,
  renderBody: renderEmbeddings,
  // Never asked for: a request for embeddings is no stream.
  renderEvents: (answer, request) => [{ kind: 'body', data: renderEmbeddings(answer, request) }],
};

function readEmbeddingsRequest(body: Buffer): CompletionRequest {
  const parsed = parseObject(body);
  if ('refusal' in parsed) return { ...UNREAD_REQUEST, refusal: parsed.refusal };
  const { fields } = parsed;
  const model = typeof fields.model === 'string' ? fields.model : '';
  const refusal = findRefusal(fields);
  const inputs = refusal === null ? inputsOf(fields.input) : [];
  const dimensions = refusal === null ? Number(fields.dimensions ?? DEFAULT_DIMENSIONS) : DEFAULT_DIMENSIONS;
  return {
    ...UNREAD_REQUEST,
    model,
    ...measurePrompt(model, inputs),
    embeddings: { inputs, dimensions, isBase64: fields.encoding_format === 'base64' },
    refusal,
  };
}

/** A text, a list of texts, a list of tokens, or a list of lists of tokens. */
function inputsOf(input: unknown): string[] {
  if (!Array.isArray(input)) return [String(input)];
  if (input.every((entry) => typeof entry === 'number')) return [input.join(' ')];
  return input.map((entry) => (Array.isArray(entry) ? entry.join(' ') : String(entry)));
}

function findRefusal({ model, input, dimensions }: Record<string, unknown>): WireError | null {
  if (typeof model !== 'string' || model === '') {
    return invalidRequest('You must provide a model parameter.', { param: 'model' });
  }
  const isInput = (value: unknown): boolean =>
    (typeof value === 'string' && value !== '') ||
    (Array.isArray(value) && value.length > 0 && value.every((token) => typeof token === 'number'));
  const isList = Array.isArray(input) && input.length > 0 && input.length <= MAX_INPUTS && input.every(isInput);
  if (!isInput(input) && !isList) {
    return invalidRequest(`'input' must be a text or 1 to ${MAX_INPUTS} texts, none of them empty.`, {
      param: 'input',
    });
  }
  const wanted = dimensions ?? DEFAULT_DIMENSIONS;
  if (Number.isInteger(wanted) && Number(wanted) >= DEFAULT_DIMENSIONS && Number(wanted) <= MAX_DIMENSIONS) return null;
  const message = `'dimensions' must be an integer from ${DEFAULT_DIMENSIONS} to ${MAX_DIMENSIONS}.`;
  return invalidRequest(message, { param: 'dimensions', openAi: { code: 'invalid_value' } });
}

function renderEmbeddings({ model, usage, defect, vectors }: Answer, { embeddings }: CompletionRequest): string {
  const { inputs, dimensions, isBase64 } = embeddings ?? {
    inputs: [],
    dimensions: DEFAULT_DIMENSIONS,
    isBase64: false,
  };
  const data = inputs.map((input, index) => {
    const isLast = index === inputs.length - 1;
    const vector = embed(`${model}\n${input}`, vectors === 'short' && isLast ? dimensions / 2 : dimensions);
    if (vectors === 'not-finite') vector[0] = NaN;
    const embedding = isBase64 ? Buffer.from(Float32Array.from(vector).buffer).toString('base64') : vector;
    return { object: 'embedding', index, embedding };
  });
  if (vectors === 'missing') data.pop();
  const text = JSON.stringify({
    object: 'list',
    data: defect === 'no-choices' ? undefined : defect === undefined ? data : [],
    model,
    usage: usage === null ? undefined : { prompt_tokens: usage.inputTokens, total_tokens: usage.inputTokens },
  });
  // JSON knows no NaN; servers in Python write it all the same.
  return vectors === 'not-finite' ? text.replaceAll('[null', '[NaN') : text;
}

function embed(text: string, dimensions: number): number[] {
  const random = seededRandom(text);
  const vector = Array.from({ length: Math.floor(dimensions) }, () => random() * 2 - 1);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
