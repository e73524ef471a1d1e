import { z } from 'zod';

/** The longest delay a timer of Node can hold (2^31 - 1 ms, about 24.8 days). */
export const MAX_TIMER_MS = 2_147_483_647;

/**
 * Which requests a fault meets, of those to its provider or model. `afterRequests` lets that many pass first;
 * `onRequests` is the first and the last one it meets, counted from 1. It is over after `forRequests` requests or
 * `forMs` milliseconds, whichever ends first; without either, when it is cleared.
 */
export const spanFields = {
  forRequests: z.int().min(1).optional(),
  forMs: z.number().positive().max(MAX_TIMER_MS).optional(),
  afterRequests: z.int().min(0).optional(),
  onRequests: z
    .tuple([z.int().min(1), z.int().min(1)], 'must be the first and the last request, such as [3, 5]')
    .refine(([first, last]) => last >= first, 'the last request must not come before the first')
    .optional(),
};

/** Which requests a fault meets. */
export interface FaultSpan {
  forRequests?: number | undefined;
  forMs?: number | undefined;
  afterRequests?: number | undefined;
  onRequests?: readonly [first: number, last: number] | undefined;
}

/** Two answers to the same question are one too many. */
export const spanIsClear = ({ onRequests, afterRequests, forRequests }: FaultSpan): boolean =>
  onRequests === undefined || (afterRequests === undefined && forRequests === undefined);
export const spanProblem = { path: ['onRequests'], error: 'give it without afterRequests and forRequests' };

/** How many requests a fault lets pass, and how many it meets after that. */
export function requestRange({ onRequests, afterRequests = 0, forRequests = Infinity }: FaultSpan) {
  if (onRequests === undefined) return { passes: afterRequests, requests: forRequests };
  const [first, last] = onRequests;
  return { passes: first - 1, requests: last - first + 1 };
}
