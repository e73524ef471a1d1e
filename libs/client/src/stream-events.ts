import type { ChatChunk, CompletionResult } from '#libs/contracts';
import type { CompleteOptions } from './completion-options.js';

/** What happens to a job while it is being answered. */
export type StreamEvent =
  /** The job is in the queue; first event of a job that this stream has handed in. By its id it can be read again from any process. */
  | { type: 'enqueued'; jobId: string }
  /** A part of the answer, as the target said it. */
  | { type: 'chunk'; attempt: number; target: string; chunk: ChatChunk }
  /** What was said so far is void: another attempt begins. `reason` is how the last one ended, a failure class or `lost`. */
  | { type: 'restarted'; attempt: number; reason: string }
  /** The whole answer, which counts whatever the chunks said. Always the last event. */
  | { type: 'completed'; result: CompletionResult };

/** What may be said about a stream. Those about the job count only where the stream hands one in. */
export interface StreamOptions extends Omit<CompleteOptions, 'timeoutMs' | 'cancelOnAbort'> {
  /** How long until the answer has to be complete, in milliseconds. Default: 120,000 for a job that the stream hands in, else for ever. */
  timeoutMs?: number;
  /** Leave the job to itself when the loop is left early. Default: a job that the stream has handed in is cancelled then, but for one that was there before under its idempotency key. */
  keep?: boolean;
  /** Whether the job publishes its chunks; without them the answer comes in one piece, and costs less. Default: true. */
  streaming?: boolean;
}
