import { invalidRequest, type OpenAiError } from './openai-error.js';
import { hashText } from './seeded-random.js';

/** What the simulator keeps of a completion request. The prompt itself is measured and dropped. */
export interface CompletionRequest {
  /** Empty when the body named none. */
  model: string;
  stream: boolean;
  includeUsage: boolean;
  /** `max_completion_tokens`, else `max_tokens`, else null. */
  maxTokens: number | null;
  promptChars: number;
  /** Equal for the same model and messages; the answer is made from it. */
  fingerprint: number;
  /** Why a provider would refuse this request. */
  refusal: OpenAiError | null;
}

/** How much of the prompt goes into the fingerprint: enough to tell requests apart, cheap for a prompt of megabytes. */
const FINGERPRINT_CHARS = 2_048;

/** Reads the body of `POST /v1/chat/completions`. Never throws: what is wrong with it is in `refusal`. */
export function readCompletionRequest(body: Buffer): CompletionRequest {
  const request: CompletionRequest = {
    model: '',
    stream: false,
    includeUsage: false,
    maxTokens: null,
    promptChars: 0,
    fingerprint: 0,
    refusal: null,
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return { ...request, refusal: invalidRequest('The body of the request is not valid JSON.') };
  }
  if (!isRecord(parsed))
    return { ...request, refusal: invalidRequest('The body of the request must be a JSON object.') };

  const limit = parsed.max_completion_tokens ?? parsed.max_tokens ?? null;
  if (typeof parsed.model === 'string') request.model = parsed.model;
  if (typeof limit === 'number') request.maxTokens = limit;
  request.stream = parsed.stream === true;
  request.includeUsage = isRecord(parsed.stream_options) && parsed.stream_options.include_usage === true;
  const prompt = measurePrompt(parsed.messages);
  request.promptChars = prompt.chars;
  request.fingerprint = hashText(`${request.model}\n${prompt.chars}\n${prompt.sample}`);
  request.refusal = findRefusal(parsed, limit);
  return request;
}

function findRefusal(body: Record<string, unknown>, limit: unknown): OpenAiError | null {
  if (typeof body.model !== 'string' || body.model === '') {
    return invalidRequest('You must provide a model parameter.', { param: 'model' });
  }
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return invalidRequest("'messages' must be an array with at least one message.", { param: 'messages' });
  }
  const wrong = body.messages.findIndex((message) => !isRecord(message) || typeof message.role !== 'string');
  if (wrong !== -1) {
    return invalidRequest('A message must be an object with a role.', { param: `messages.[${wrong}].role` });
  }
  if (limit !== null && !(Number.isInteger(limit) && (limit as number) >= 1)) {
    const param = body.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens';
    return invalidRequest(`'${param}' must be an integer of at least 1.`, { param, code: 'invalid_value' });
  }
  return null;
}

function measurePrompt(messages: unknown): { chars: number; sample: string } {
  const prompt = { chars: 0, sample: '' };
  const add = (text: unknown): void => {
    if (typeof text !== 'string') return;
    prompt.chars += text.length;
    prompt.sample += text.slice(0, FINGERPRINT_CHARS - prompt.sample.length);
  };
  for (const message of Array.isArray(messages) ? messages : []) {
    const content: unknown = isRecord(message) ? message.content : undefined;
    if (Array.isArray(content)) for (const part of content) add(isRecord(part) ? part.text : undefined);
    else add(content);
  }
  return prompt;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
