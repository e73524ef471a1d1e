import { type Attempt, attemptSchema, faultsOfRequest } from '#libs/contracts';
import { z } from 'zod';

/** A provider call that was about to be made when it was written down. Times are epoch milliseconds. */
const inFlightSchema = z.object({ number: z.int().positive(), target: z.string(), startedAt: z.number() });

export type CallInFlight = z.infer<typeof inFlightSchema>;

/** What is kept with a job, so that whoever takes it up next knows what was tried. */
const jobProgressSchema = z.object({
  attempts: z.array(attemptSchema),
  /** How often it has paused after failures. */
  parkings: z.int(),
  /** The group in which it waits or has waited for somebody who could be asked, and since when; absent once somebody was. */
  parked: z.object({ group: z.string(), at: z.number() }).optional(),
  /** When work on it first began, epoch milliseconds of Redis' clock. */
  firstStartedAt: z.number(),
  /** Until when it was to pause after failures, epoch milliseconds of Redis' clock. */
  pausedUntil: z.number().optional(),
  /** Number of the last attempt before the job was replayed: what it may try is counted from there. */
  replayedAfter: z.int().nonnegative().optional(),
  /** Absent where the last run came to an end in good order. */
  inFlight: inFlightSchema.optional(),
});

export type JobProgress = z.infer<typeof jobProgressSchema>;

/** Reads what was kept; a job that nobody has worked on has nothing. */
export function readProgress(stored: unknown, startedAt: number): JobProgress {
  const parsed = jobProgressSchema.safeParse(stored);
  return parsed.success ? parsed.data : { attempts: [], parkings: 0, firstStartedAt: startedAt };
}

/** The call that was under way becomes an attempt that ended in this way. */
export function endInFlight(
  progress: JobProgress,
  end: Pick<Attempt, 'outcome' | 'message' | 'latencyMs'>,
): JobProgress {
  const { inFlight, ...rest } = progress;
  return inFlight ? { ...rest, attempts: [...progress.attempts, { ...inFlight, ...end }] } : progress;
}

const FIRST_ATTEMPTS = 10;
const LAST_ATTEMPTS = 40;

/**
 * Keeps the beginning and the end of a long story: a job that waits out a day's outage makes thousands of attempts. Those that
 * found fault with the request, one per target at most, are kept too: they still say who cannot take it.
 */
export function withoutMiddle(attempts: Attempt[]): Attempt[] {
  if (attempts.length <= FIRST_ATTEMPTS + LAST_ATTEMPTS) return attempts;
  const middle = faultsOfRequest(attempts.slice(FIRST_ATTEMPTS, -LAST_ATTEMPTS)).map(({ attempt }) => attempt);
  return [...attempts.slice(0, FIRST_ATTEMPTS), ...middle, ...attempts.slice(-LAST_ATTEMPTS)];
}
