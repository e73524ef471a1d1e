import { secretsOf } from '../excerpt.js';
import type { ChatCompletion, Embeddings } from '#libs/contracts';
import type { Dispatcher } from 'undici';
import type { CallScope } from '../call-scope.js';
import type {
  CallOutcome,
  ChatCall,
  EmbeddingsCall,
  FailedCall,
  GoodCall,
  OfferedModel,
  ProviderAdapter,
  ProviderOptions,
} from '../provider-adapter.js';
import { ProviderConnections } from '../provider-connections.js';
import { headerValue } from '../retry-after.js';
import { readStreamedCompletion } from './chat-stream.js';
import { checkCompletion } from './check-completion.js';
import { endpointUrl } from './endpoint-url.js';
import { exchange, type ExchangeOptions, type ReadAnswer } from './exchange.js';
import { offeredModels } from './offered-models.js';
import { outgoingBody, outgoingEmbeddings } from './outgoing-body.js';
import { readEmbeddings } from './read-embeddings.js';
import { readJson } from './read-json.js';
import { tokenUsageOf } from './token-usage.js';

/** Largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Relays list thousands of models, at about 2 KB each. */
const MAX_LIST_BYTES = 8 * 1024 * 1024;

/** OpenAI's wire format, spoken by OpenAI, Azure, Gemini, DeepSeek, vLLM, Ollama and relays. The body passes through unchanged. */
export class OpenAiCompatibleAdapter implements ProviderAdapter {
  readonly #options: ProviderOptions;
  readonly #headers: Record<string, string>;
  readonly #secrets: string[];
  readonly #connections: ProviderConnections;

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#secrets = secretsOf(options);
    this.#headers = {
      ...options.headers,
      ...(options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {}),
    };
    this.#connections = new ProviderConnections(options.maxConnections);
  }

  chat(call: ChatCall): Promise<CallOutcome<ChatCompletion>> {
    const accept = call.stream ? 'text/event-stream' : 'application/json';
    const request = this.#post('chat/completions', outgoingBody(call, this.#options.maxTokensField), accept, call);
    if (!call.stream) request.limits = inOnePiece(call.limits);
    return exchange(request, (response, scope) => readCompletion(response, scope, call));
  }

  embed(call: EmbeddingsCall): Promise<CallOutcome<Embeddings>> {
    const { limits, signal } = call;
    const request = this.#post('embeddings', outgoingEmbeddings(call), 'application/json', {
      limits: inOnePiece(limits),
      signal,
    });
    return exchange(request, async (response) => {
      const answer = await readEmbeddings(response, call);
      return { answer, servedModel: textOrNone(answer.model), usage: tokenUsageOf(answer) };
    });
  }

  listModels({
    limits,
    signal,
  }: Pick<EmbeddingsCall, 'limits' | 'signal'>): Promise<GoodCall<OfferedModel[]> | FailedCall> {
    const request = this.#request('GET', 'models', 'application/json', { limits: inOnePiece(limits), signal });
    return exchange(request, async (response) => {
      const answer = offeredModels(await readJson(response, MAX_LIST_BYTES));
      return { answer, servedModel: undefined, usage: undefined };
    });
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  #post(operation: string, body: object, accept: string, call: Pick<EmbeddingsCall, 'limits' | 'signal'>) {
    const request = this.#request('POST', operation, accept, call);
    request.headers['content-type'] = 'application/json';
    request.body = JSON.stringify(body);
    return request;
  }

  #request(
    method: ExchangeOptions['method'],
    operation: string,
    accept: string,
    { limits, signal }: Pick<EmbeddingsCall, 'limits' | 'signal'>,
  ): ExchangeOptions {
    return {
      method,
      url: endpointUrl(this.#options.baseUrl, operation),
      headers: { ...this.#headers, accept },
      dispatcher: this.#connections.within(limits.connectMs),
      limits,
      signal,
      secrets: this.#secrets,
    };
  }
}

/** What comes in one piece says nothing before it is there: the total alone limits it. */
const inOnePiece = (limits: ExchangeOptions['limits']) => ({ ...limits, firstTokenMs: Infinity });

/** Read as what it is, not as what was asked for: some never stream, others always do. */
async function readCompletion(
  response: Dispatcher.ResponseData,
  scope: CallScope,
  { stream, onDelta }: ChatCall,
): Promise<ReadAnswer<ChatCompletion>> {
  const { headers, body } = response;
  const type = (headerValue(headers, 'content-type') ?? '').toLowerCase();
  const isStream = type.includes('event-stream') || (stream && !/json|html/.test(type));
  const { completion, endedAt } = isStream
    ? await readStreamedCompletion(body, { headers, scope, onDelta, maxBytes: MAX_ANSWER_BYTES })
    : { completion: await readJson(response, MAX_ANSWER_BYTES), endedAt: performance.now() };
  const answer = checkCompletion(completion);
  return { answer, servedModel: textOrNone(answer.model), usage: tokenUsageOf(answer), endedAt };
}

const textOrNone = (text: string | null | undefined) => text || undefined;
