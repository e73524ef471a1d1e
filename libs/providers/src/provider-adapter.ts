import type { ChatCompletion, CompletionRequest } from '#libs/contracts';
import type { FailureClass } from '#libs/health-core';

/** One call for one answer. */
export interface ChatCall {
  /** Provider's name for the model; replaces the one in the body. */
  model: string;
  /** The caller's body; sent on unchanged but for `model` and the streaming switches. */
  body: CompletionRequest;
  /** End of the whole call, in milliseconds. */
  timeoutMs: number;
  /** Ends the call early. An `AttemptAbort` as its reason says why. */
  signal?: AbortSignal;
}

/** Tokens as the provider counted them. */
export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

/** How a call ended. A sick provider is a value, not an exception. */
export type CallOutcome =
  | {
      ok: true;
      completion: ChatCompletion;
      httpStatus: number;
      /** From sending to the last byte, in milliseconds. */
      latencyMs: number;
      /** The model that the provider says it used. */
      servedModel: string | undefined;
      usage: TokenUsage | undefined;
    }
  | {
      ok: false;
      failure: FailureClass;
      /** What the provider or the socket said: at most 300 characters, without secrets. */
      message: string;
      latencyMs: number;
      httpStatus: number | undefined;
      /** How long the provider asked us to stay away, in milliseconds; bounded, never NaN. */
      retryAfterMs: number | undefined;
    };

/** The one way in which Understudy talks to providers; every wire format has an adapter of this shape. */
export interface ProviderAdapter {
  /** Makes one call, without retries of its own. Never rejects. */
  chat(call: ChatCall): Promise<CallOutcome>;
  /** Ends idle connections; calls in hand are cut. */
  close(): Promise<void>;
}

/** OpenAI renamed the field; many who speak its format know only one of the two names. */
export type MaxTokensField = 'max_tokens' | 'max_completion_tokens';

/** Where a provider is and how to get in. */
export interface ProviderOptions {
  /** Name in the configuration. */
  name: string;
  /** Without a slash at the end. */
  baseUrl: string;
  apiKey?: string | undefined;
  headers: Readonly<Record<string, string>>;
  /** Name under which the provider takes the token limit. Default: as the caller wrote it. */
  maxTokensField?: MaxTokensField | undefined;
  maxConnections: number;
}
