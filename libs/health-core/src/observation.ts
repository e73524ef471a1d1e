import type { FailureClass, FailureScope } from './failure.js';

/** One call to a target, as it ended. Probes and real traffic give the same kind of observation. */
export interface Observation {
  /** Unique; a second delivery with the same id changes nothing. */
  id: string;
  /** `<provider>/<model>`. */
  target: string;
  source: 'probe' | 'traffic';
  outcome: 'success' | FailureClass;
  /** From sending the request to the end of the answer (or of waiting for it), in milliseconds. */
  latencyMs: number;
  /** When the call ended, epoch milliseconds of the process that made it. For people; nothing is decided by it. */
  at: number;
  /** Bounded, without secrets; only for a call that did not succeed. */
  errorMessage?: string;
  /** W3C traceparent of the span of the call, so that a decision can be traced back to its evidence. */
  evidence?: string;
  /**
   * Breaker generation under which the call began: `TargetView.generation` when it was decided on. News of an older
   * generation is ignored. Without it the age of the call is judged by its latency.
   */
  generation?: number;
  /** The call was a trial of a half-open target (`Choice.kind` is `trial`). */
  trial?: boolean;
  /** The call was made although every breaker was open (`Choice.kind` is `panic`). */
  panic?: boolean;
  /** What the provider asked for with a 429, in milliseconds. */
  retryAfterMs?: number;
  /** HTTP status of a failed call. Without a `scope` 401 concerns the key, 403 the target alone. */
  httpStatus?: number;
  /** Of a refused key or a 429, where the provider said enough to tell. */
  scope?: FailureScope;
  /** From sending the request to the first token, in milliseconds; of any call that got one. */
  firstTokenMs?: number;
  /** Between two tokens of a streamed answer, in milliseconds, on the average; only of a good one that is long enough to tell. */
  perTokenMs?: number;
}
