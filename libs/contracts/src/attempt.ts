import { FAILURE_CLASSES, type FailureClass, isFailureClass, isRequestFault } from '#libs/health-core';
import { z } from 'zod';

/** One call to one target for one job. */
export const attemptSchema = z.strictObject({
  /** 1 for the first call of the job; goes on counting over failovers and waits. */
  number: z.int().positive(),
  target: z.string(),
  /** `lost`: the router that made the call vanished during it; whether the provider answered is not known. */
  outcome: z.enum(['success', 'lost', ...FAILURE_CLASSES]),
  /** HTTP status of the provider, if it answered at all. */
  httpStatus: z.int().optional(),
  /** What the provider said when it failed: bounded, without secrets. */
  message: z.string().optional(),
  /** When the call began, epoch milliseconds of Redis' clock. */
  startedAt: z.number(),
  /** From sending to the end of the answer, in milliseconds; of a lost call until another router took the job over. */
  latencyMs: z.number(),
  /** From sending to the first thing the answer said, in milliseconds; only of a streamed one. */
  firstTokenMs: z.number().optional(),
  /** Which of our timers ended the call, if one did. */
  deadline: z.enum(['connect', 'first_token', 'idle', 'total', 'too_slow']).optional(),
  /** The model that the provider says it used. */
  servedModel: z.string().optional(),
  /** Characters that had arrived of an answer that broke, and were thrown away. */
  discardedChars: z.int().nonnegative().optional(),
  /** What the call cost as far as is known, in US dollars; null: unknown. A call that failed is counted with 0 or left out. */
  costUsd: z.number().nullable().optional(),
});

export type Attempt = z.infer<typeof attemptSchema>;

/** How many calls were made; lists of attempts may be cut in the middle, their numbers go on counting. */
export const countAttempts = (attempts: readonly Attempt[]): number => attempts.at(-1)?.number ?? 0;

/** An attempt at which a target found fault with the request, and which fault. */
export interface FaultyAttempt {
  attempt: Attempt;
  failure: FailureClass;
}

/**
 * Of a job's attempts those that say something about the request itself. They hold as long as the job lives: what is too long for
 * a target today is too long for it after a wait.
 */
export function faultsOfRequest(attempts: readonly Attempt[]): FaultyAttempt[] {
  return attempts.flatMap((attempt) => {
    const failure = attempt.outcome;
    return isFailureClass(failure) && isRequestFault(failure) ? [{ attempt, failure }] : [];
  });
}
