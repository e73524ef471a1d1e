export * from './completion-client.js';
export type * from './completion-options.js';
export type { JobState } from './job-results.js';
export type * from './stream-events.js';

// What callers of the package meet in its signatures, and what they branch on.
export { type ErrorCode, UnderstudyError } from '#libs/contracts';
export type {
  Attempt,
  ChatCompletion,
  CompletionRequest,
  CompletionResult,
  Embeddings,
  EmbeddingsInput,
  EmbeddingsRequest,
  EmbeddingsResult,
  JobResult,
  Priority,
  Routing,
  SerializedError,
} from '#libs/contracts';
export type { Cancellation } from '#libs/queue/producer';
