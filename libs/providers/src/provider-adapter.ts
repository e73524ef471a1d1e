import type {
  Answer,
  ChatChunk,
  ChatCompletion,
  CompletionRequest,
  Embeddings,
  EmbeddingsRequest,
} from '#libs/contracts';
import type { FailureClass, FailureScope } from '#libs/health-core';
import type { CallDeadline } from './attempt-abort.js';
import type { CallLimits } from './call-limits.js';

/** One call for one answer. */
export interface ChatCall {
  /** Provider's name for the model; replaces the one in the body. */
  model: string;
  /** The caller's OpenAI body; sent on unchanged but for `model`, the streaming switches and the target's `changes`. */
  body: CompletionRequest;
  limits: CallLimits;
  /**
   * Whether the provider is asked for a stream. The outcome is the same whole answer; a stream shows sooner that a provider
   * is silent, and `onDelta` is told of each part.
   */
  stream: boolean;
  /** What has to be changed in the body for this target. */
  changes?: BodyChanges | undefined;
  /** Ends the call early. An `AttemptAbort` as its reason says why. */
  signal?: AbortSignal | undefined;
  /** Hears what a stream says, as it is said. A call that fails later has said it all the same. */
  onDelta?: ((chunk: ChatChunk) => void) | undefined;
}

/** Some models refuse fields that others need. Applied in this order: rename, drop, set. Dots are no paths: top level only. */
export interface BodyChanges {
  /** New name by old name. A field that is not there stays away. */
  rename?: Readonly<Record<string, string>> | undefined;
  drop?: readonly string[] | undefined;
  set?: Readonly<Record<string, unknown>> | undefined;
}

/** One call for embedding vectors. */
export interface EmbeddingsCall {
  /** Provider's name for the model; replaces the one in the body. */
  model: string;
  /** The caller's OpenAI body; sent on unchanged but for `model` and the target's `changes`. */
  body: EmbeddingsRequest;
  limits: CallLimits;
  /** What has to be changed in the body for this target. */
  changes?: BodyChanges | undefined;
  /** Numbers that each vector is known to have where the body does not say. */
  dimensions?: number | undefined;
  /** Ends the call early. An `AttemptAbort` as its reason says why. */
  signal?: AbortSignal | undefined;
}

/** One model that a provider offers. */
export interface OfferedModel {
  /** Provider's name for it. */
  id: string;
  /** When it will be shut down, as the provider wrote it; undefined where it did not. */
  shutdownDate?: string | undefined;
}

/** Tokens as the provider counted them. */
export interface TokenUsage {
  /** All tokens that were read, cached ones included. */
  inputTokens: number;
  /** All tokens that were generated, reasoning included. */
  outputTokens: number;
  /** Of `inputTokens`: read from the provider's cache. */
  cachedInputTokens?: number | undefined;
  /** Of `inputTokens`: written to the provider's cache. */
  cacheWriteTokens?: number | undefined;
}

/** A call that gave no whole answer. A sick provider is a value, not an exception. */
export interface FailedCall {
  ok: false;
  failure: FailureClass;
  /** What the provider or the socket said: at most 300 characters, without secrets. */
  message: string;
  latencyMs: number;
  httpStatus: number | undefined;
  /** How long the provider asked us to stay away, in milliseconds; bounded, never NaN. */
  retryAfterMs: number | undefined;
  /** Whom the failure concerns, where the provider told. */
  scope?: FailureScope | undefined;
  /** Which of our timers ended it, if one did. */
  deadline?: CallDeadline | undefined;
  /** The connection stood and was dropped before anything came back, as happens to one that was kept open for too long. */
  unanswered?: boolean | undefined;
  /** To the first thing the answer said, in milliseconds; undefined when it said nothing. */
  firstTokenMs?: number | undefined;
  /** Characters that had arrived of an answer that broke, and were thrown away. */
  discardedChars?: number | undefined;
}

/** A call that gave a whole answer. */
export interface GoodCall<T> {
  ok: true;
  answer: T;
  httpStatus: number;
  /** From sending to the last byte, in milliseconds. */
  latencyMs: number;
  /** To the first thing the answer said, in milliseconds; undefined where the answer came in one piece. */
  firstTokenMs: number | undefined;
  /** Characters that a streamed answer said, thoughts included. */
  saidChars?: number | undefined;
  /** The model that the provider says it used. */
  servedModel: string | undefined;
  usage: TokenUsage | undefined;
  /** Settings of the request that the provider does not know and that were left out. */
  droppedSettings?: readonly string[] | undefined;
}

/** How a call ended. */
export type CallOutcome<T extends Answer = Answer> = GoodCall<T> | FailedCall;

/**
 * The one way in which Understudy talks to providers; every wire format has an adapter of this shape. Nothing rejects, and nothing is
 * retried: that is for whoever knows the other targets.
 */
export interface ProviderAdapter {
  chat(call: ChatCall): Promise<CallOutcome<ChatCompletion>>;
  /** Vectors in the encoding that was asked for. `unsupported_param` where the provider has no embeddings. */
  embed(call: EmbeddingsCall): Promise<CallOutcome<Embeddings>>;
  /** Costs nothing and proves that the key is good; not that a model can answer. */
  listModels(call: {
    limits: CallLimits;
    signal?: AbortSignal | undefined;
  }): Promise<GoodCall<OfferedModel[]> | FailedCall>;
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
