import type { CallLimits } from './call-limits.js';

/** How patient one target's configuration is. */
export interface TargetDeadlines {
  timeoutMs: number;
  connectTimeoutMs: number;
  /** Default: learned. */
  firstTokenTimeoutMs?: number | undefined;
  idleTimeoutMs: number;
  minTokensPerSecond?: number | undefined;
  reasoning: boolean;
}

/** Patience for the first token, as a multiple of what is usual for the target: 10 s for one that is expected after 500 ms. */
const USUAL_TIMES = 20;

/** Below this a hang cannot be told from a burst; a provider's own retries and cold starts take seconds. */
const SHORTEST_FIRST_TOKEN_MS = 5_000;
const LONGEST_FIRST_TOKEN_MS = 60_000;

/** A reasoning model may think for a minute before it says anything that is shown. */
const REASONING_FIRST_TOKEN_MS = 60_000;

/** Reading a long prompt takes time: one millisecond for four tokens of it, which is about twice what is usual. */
const PROMPT_TOKENS_PER_MS = 4;

/** As in prices: about four characters of English text. */
const CHARS_PER_TOKEN = 4;

/**
 * The deadlines of one call.
 * @param usualFirstTokenMs what is usual for the target, as its health knows it
 * @param promptChars length of the request
 * @param leftMs until the job's own deadline; it cuts all others
 */
export function limitsFor(
  target: TargetDeadlines,
  { usualFirstTokenMs, promptChars, leftMs }: { usualFirstTokenMs: number; promptChars: number; leftMs: number },
): CallLimits {
  const totalMs = Math.max(1, Math.min(target.timeoutMs, leftMs));
  const { minTokensPerSecond } = target;
  return {
    connectMs: target.connectTimeoutMs,
    firstTokenMs: Math.min(totalMs, firstTokenMs(target, usualFirstTokenMs, promptChars)),
    idleMs: target.idleTimeoutMs,
    totalMs,
    ...(minTokensPerSecond !== undefined && { minCharsPerSecond: minTokensPerSecond * CHARS_PER_TOKEN }),
  };
}

function firstTokenMs(target: TargetDeadlines, usualMs: number, promptChars: number): number {
  if (target.firstTokenTimeoutMs !== undefined) return target.firstTokenTimeoutMs;
  const learned = Math.min(LONGEST_FIRST_TOKEN_MS, Math.max(SHORTEST_FIRST_TOKEN_MS, usualMs * USUAL_TIMES));
  const patience = target.reasoning ? Math.max(REASONING_FIRST_TOKEN_MS, learned) : learned;
  return Math.round(patience + promptChars / CHARS_PER_TOKEN / PROMPT_TOKENS_PER_MS);
}
