import { countAttempts } from '#libs/contracts';
import { endInFlight, type JobProgress, readProgress } from '#libs/queue';

/** A call of an earlier run whose end nobody knows. */
export interface LostCall {
  target: string;
  number: number;
}

/**
 * Where a job stands when a run of it begins. A call that was under way when its router vanished is an attempt that is lost: the
 * provider may have answered, and is not to blame.
 * @param stored what was kept with the job
 * @param now epoch milliseconds of Redis' clock
 */
export function takeUp(stored: unknown, now: number): { progress: JobProgress; lost: LostCall | undefined } {
  const kept = readProgress(stored, now);
  const { inFlight } = kept;
  // A call that has its end among the attempts is not lost.
  if (!inFlight || inFlight.number <= countAttempts(kept.attempts)) return { progress: kept, lost: undefined };
  const message = 'The router that made this call vanished during it';
  const latencyMs = Math.max(0, Math.round(now - inFlight.startedAt));
  return {
    progress: endInFlight(kept, { outcome: 'lost', message, latencyMs }),
    lost: { target: inFlight.target, number: inFlight.number },
  };
}
