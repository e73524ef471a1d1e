import { type Attempt, attemptSchema } from '#libs/contracts';
import { z } from 'zod';

/** What a job carries from one pass to the next while it waits in the queue. */
const jobProgressSchema = z.object({
  attempts: z.array(attemptSchema),
  /** How often it has been parked. */
  parkings: z.int(),
  /** When work on it first began, epoch milliseconds. */
  firstStartedAt: z.number(),
});

export type JobProgress = z.infer<typeof jobProgressSchema>;

/** Reads what BullMQ kept; a job that has never waited has nothing. */
export function readProgress(stored: unknown, startedAt: number): JobProgress {
  const parsed = jobProgressSchema.safeParse(stored);
  return parsed.success ? parsed.data : { attempts: [], parkings: 0, firstStartedAt: startedAt };
}

const FIRST_ATTEMPTS = 10;
const LAST_ATTEMPTS = 40;

/** Keeps the beginning and the end of a long story: a job that waits out a day's outage makes thousands of attempts. */
export function withoutMiddle(attempts: Attempt[]): Attempt[] {
  if (attempts.length <= FIRST_ATTEMPTS + LAST_ATTEMPTS) return attempts;
  return [...attempts.slice(0, FIRST_ATTEMPTS), ...attempts.slice(-LAST_ATTEMPTS)];
}
