import type { ChatCompletion, CompletionRequest } from '#libs/contracts';
import { openCallScope } from '../call-scope.js';
import { secretsOf } from '../excerpt.js';
import { failedCall } from '../failed-call.js';
import { endpointUrl } from '../openai-compatible/endpoint-url.js';
import { outgoingBody } from '../openai-compatible/outgoing-body.js';
import type {
  CallOutcome,
  ChatCall,
  FailedCall,
  GoodCall,
  OfferedModel,
  ProviderAdapter,
  ProviderOptions,
} from '../provider-adapter.js';
import { ProviderConnections } from '../provider-connections.js';
import { askForStream, askForWhole, meaningOf } from './ask-model.js';
import { toCallOptions } from './call-options.js';
import { toChatCompletion } from './chat-completion.js';
import { ChunkWriter } from './chunk-writer.js';
import { droppedSettings } from './dropped-settings.js';
import { Exchange } from './exchange.js';
import { fieldsOf } from './fields.js';
import { fetchModels } from './fetch-models.js';
import type { LanguageModel } from './sdk-types.js';
import { tokenUsage } from './usage.js';

/** Anthropic's Messages API: requests and answers are translated from and to OpenAI's shape. */
export class AnthropicAdapter implements ProviderAdapter {
  readonly #options: ProviderOptions;
  readonly #headers: Record<string, string>;
  readonly #secrets: string[];
  readonly #connections: ProviderConnections;
  /** Loaded with the first adapter: who has no such provider does not pay for it. */
  readonly #library: Promise<CreateAnthropic>;

  constructor(options: ProviderOptions) {
    this.#options = options;
    // In lower case, so that a version of the configuration replaces the default instead of standing beside it.
    this.#headers = Object.fromEntries(
      Object.entries(options.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    this.#secrets = secretsOf(options);
    this.#connections = new ProviderConnections(options.maxConnections);
    this.#library = import('@ai-sdk/anthropic').then(({ createAnthropic }) => createAnthropic);
  }

  async chat(call: ChatCall): Promise<CallOutcome<ChatCompletion>> {
    // Before any timer runs: reading the library from the disk is not the provider's time.
    const createModel = await this.#library;
    const startedAt = performance.now();
    const latencyMs = () => performance.now() - startedAt;
    const { limits, stream } = call;
    // What comes in one piece says nothing until all of it is there.
    const scope = openCallScope(stream ? limits : { ...limits, firstTokenMs: limits.totalMs }, call.signal);
    const exchange = new Exchange({
      url: endpointUrl(this.#options.baseUrl, 'messages'),
      dispatcher: this.#connections.within(limits.connectMs),
      signal: scope.signal,
      hasKey: this.#options.apiKey !== undefined,
      stream,
    });
    try {
      const body = outgoingBody(call, undefined) as CompletionRequest;
      const model = this.#model(createModel, call.model, exchange);
      const options = { ...toCallOptions(body), abortSignal: scope.signal };
      const created = Math.floor(Date.now() / 1000);
      const chunks = new ChunkWriter(created, call.onDelta);
      const { answer, warnings } = stream
        ? await askForStream(model, options, { chunks, progressed: (chars) => scope.progressed(chars) })
        : await askForWhole(model, options);
      const completion = toChatCompletion(answer, created, exchange.isCounted);
      if (stream) chunks.end(completion, wantsUsage(call.body));
      const dropped = droppedSettings(body, warnings);
      return {
        ok: true,
        answer: completion,
        httpStatus: exchange.status ?? 200,
        latencyMs: latencyMs(),
        firstTokenMs: scope.firstTokenMs,
        saidChars: scope.saidChars,
        servedModel: answer.model,
        usage: exchange.isCounted ? tokenUsage(answer.usage) : undefined,
        ...(dropped.length > 0 && { droppedSettings: dropped }),
      };
    } catch (error) {
      return failedCall(exchange.fault ?? meaningOf(error, exchange.status), {
        scope,
        latencyMs: latencyMs(),
        httpStatus: exchange.status,
        secrets: this.#secrets,
      });
    } finally {
      exchange.close();
      scope.close();
    }
  }

  /** Anthropic has no embeddings: says so without a call. */
  embed(): Promise<FailedCall> {
    return Promise.resolve({
      ok: false,
      failure: 'unsupported_param',
      message: 'this provider has no embeddings: route embedding models to another one',
      latencyMs: 0,
      httpStatus: undefined,
      retryAfterMs: undefined,
    });
  }

  async listModels({
    limits,
    signal,
  }: Parameters<ProviderAdapter['listModels']>[0]): Promise<GoodCall<OfferedModel[]> | FailedCall> {
    const startedAt = performance.now();
    const scope = openCallScope({ ...limits, firstTokenMs: limits.totalMs }, signal);
    const seen: { httpStatus?: number } = {};
    try {
      const answer = await fetchModels(
        {
          baseUrl: this.#options.baseUrl,
          headers: { ...this.#headers, ...(this.#options.apiKey && { 'x-api-key': this.#options.apiKey }) },
          dispatcher: this.#connections.within(limits.connectMs),
          signal: scope.signal,
        },
        (status) => (seen.httpStatus = status),
      );
      return {
        ok: true,
        answer,
        httpStatus: seen.httpStatus ?? 200,
        latencyMs: performance.now() - startedAt,
        firstTokenMs: undefined,
        servedModel: undefined,
        usage: undefined,
      };
    } catch (error) {
      const latencyMs = performance.now() - startedAt;
      return failedCall(error, { scope, latencyMs, httpStatus: seen.httpStatus, secrets: this.#secrets });
    } finally {
      scope.close();
    }
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  #model(createAnthropic: CreateAnthropic, name: string, exchange: Exchange): LanguageModel {
    return createAnthropic({
      baseURL: this.#options.baseUrl,
      apiKey: this.#options.apiKey ?? '',
      headers: this.#headers,
      fetch: exchange.fetch,
    })(name);
  }
}

type CreateAnthropic = (typeof import('@ai-sdk/anthropic'))['createAnthropic'];

const wantsUsage = (body: CompletionRequest) => fieldsOf(body['stream_options'])['include_usage'] === true;
