import type { TargetConfig } from '#libs/config';
import type { JobPayload } from '#libs/contracts';
import { estimateInput, estimateTokens } from '#libs/pricing';
import type { CallOutcome } from '#libs/providers';

/** What an answer is thought to take when nobody bounds it: more than most do. */
const ANSWER_TOKENS = 1_000;

/** Tokens that a call may use, as they are reserved under a limit before it leaves: those of the prompt by its length, and all that may be answered. */
export interface Reservation {
  prompt: number;
  total: number;
}

/** What to reserve for this job at this target. */
export function reservationFor(job: JobPayload, { request: changes }: TargetConfig): Reservation {
  if (job.operation === 'embeddings') {
    const tokens = estimateInput(job.request);
    return { prompt: tokens, total: tokens };
  }
  const { request } = job;
  const prompt = estimateTokens([request.messages, request['tools']]);
  const asked = { ...request, ...changes?.set };
  const bound = asked.max_completion_tokens ?? asked.max_tokens;
  return { prompt, total: prompt + (typeof bound === 'number' && bound > 0 ? bound : ANSWER_TOKENS) };
}

/** After these nobody knows how much the provider had generated. */
const SPENDING_UNKNOWN = new Set(['timeout', 'cancelled', 'shutdown', 'stream_broken']);

/**
 * What a call has used of its reservation; undefined: nobody knows, all of it stands. A failed call counts with its prompt, as
 * providers count it too.
 * @param usedTokens of the answer, read and generated
 */
export function usedOf({ prompt }: Reservation, outcome: CallOutcome, usedTokens: number): number | undefined {
  if (outcome.ok) return usedTokens;
  return SPENDING_UNKNOWN.has(outcome.failure) || outcome.discardedChars ? undefined : prompt;
}
