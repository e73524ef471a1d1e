import { Agent, request } from 'undici';
import { openCallScope } from '../call-scope.js';
import { classifyThrown } from '../classify-thrown.js';
import { excerpt } from '../excerpt.js';
import type {
  CallOutcome,
  ChatCall,
  MaxTokensField,
  ProviderAdapter,
  ProviderOptions,
  TokenUsage,
} from '../provider-adapter.js';
import { parseJson, readBody } from '../read-body.js';
import { retryAfterMs } from '../retry-after.js';
import { outgoingBody } from './outgoing-body.js';
import { checkCompletion } from './check-completion.js';
import { classifySignal } from './classification-rules.js';
import { readErrorSignal } from './error-signal.js';

/** Largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

/** OpenAI's wire format, spoken by OpenAI, Azure, Gemini, DeepSeek, vLLM, Ollama and relays. The body passes through unchanged. */
export class OpenAiCompatibleAdapter implements ProviderAdapter {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #secrets: string[];
  readonly #maxTokensField: MaxTokensField | undefined;
  readonly #agent: Agent;

  constructor(options: ProviderOptions) {
    this.#url = `${options.baseUrl}/chat/completions`;
    this.#maxTokensField = options.maxTokensField;
    this.#secrets = [options.apiKey ?? '', ...Object.values(options.headers)];
    this.#headers = {
      ...options.headers,
      'content-type': 'application/json',
      accept: 'application/json',
      ...(options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {}),
    };
    this.#agent = new Agent({
      connections: options.maxConnections,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
  }

  async chat(call: ChatCall): Promise<CallOutcome> {
    const startedAt = performance.now();
    const latencyMs = () => performance.now() - startedAt;
    const scope = openCallScope(call.timeoutMs, call.signal);
    let httpStatus: number | undefined;
    try {
      const response = await request(this.#url, {
        method: 'POST',
        headers: this.#headers,
        body: JSON.stringify(outgoingBody(call, this.#maxTokensField)),
        dispatcher: this.#agent,
        signal: scope.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      httpStatus = response.statusCode;
      const text = await readBody(response.body, MAX_ANSWER_BYTES);
      return this.#judge({ status: httpStatus, headers: response.headers, text }, latencyMs());
    } catch (error) {
      const reason = scope.abortedBy ?? error;
      return {
        ok: false,
        failure: classifyThrown(reason),
        message: this.#excerpt(describe(reason, call.timeoutMs)),
        latencyMs: latencyMs(),
        httpStatus,
        retryAfterMs: undefined,
      };
    } finally {
      scope.close();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #judge(
    answer: { status: number; headers: Record<string, string | string[] | undefined>; text: string },
    latencyMs: number,
  ): CallOutcome {
    const { status, headers, text } = answer;
    const json = parseJson(text);
    const failed = (failure: Extract<CallOutcome, { ok: false }>['failure'], message: string): CallOutcome => ({
      ok: false,
      failure,
      message: this.#excerpt(message),
      latencyMs,
      httpStatus: status,
      retryAfterMs: retryAfterMs(headers, Date.now()),
    });

    const isError = status >= 300 || hasError(json);
    if (isError) {
      const signal = readErrorSignal({ status, headers, body: json ?? text });
      if (!signal) return failed('bad_response', text || `the provider answered ${status} and nothing more`);
      return failed(classifySignal(signal), signal.message || `the provider answered ${status}`);
    }
    // Its kind and size, not its text: what a provider generated is the caller's data and stays out of logs and traces.
    if (json === undefined)
      return failed(
        'bad_response',
        `the answer is not JSON (${String(headers['content-type'] ?? 'no type')}, ${text.length} characters)`,
      );
    const checked = checkCompletion(json);
    if ('failure' in checked) return failed(checked.failure, checked.message);
    const { completion } = checked;
    return {
      ok: true,
      completion,
      httpStatus: status,
      latencyMs,
      servedModel: completion.model,
      usage: usageOf(completion),
    };
  }

  #excerpt(message: string): string {
    return excerpt(message, this.#secrets);
  }
}

const hasError = (json: unknown) => (Array.isArray(json) ? hasErrorField(json[0]) : hasErrorField(json));
const hasErrorField = (json: unknown) =>
  typeof json === 'object' && json !== null && 'error' in json && Boolean(json.error);

function usageOf(completion: Record<string, unknown>): TokenUsage | undefined {
  const usage = completion['usage'] as { prompt_tokens?: unknown; completion_tokens?: unknown } | null | undefined;
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage ?? {};
  return typeof inputTokens === 'number' && typeof outputTokens === 'number'
    ? { inputTokens, outputTokens }
    : undefined;
}

function describe(error: unknown, timeoutMs: number): string {
  const failure = classifyThrown(error);
  if (failure === 'timeout') return `no whole answer within ${timeoutMs} ms`;
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || 'the connection failed';
}
