import type { Attempt } from '#libs/contracts';
import type { FailureClass } from '#libs/health-core';
import type { RouteOutcome } from './route-span.js';
import type { ServedAnswer } from './served-answer.js';

/** How a pass ended. `attempts` holds those of earlier passes too. */
export type RouteEnd = { attempts: Attempt[] } & (
  | { kind: 'answered'; target: string; answer: ServedAnswer }
  /** The request itself is at fault: no target would answer it. */
  | { kind: 'rejected'; target: string; failure: FailureClass; message: string; httpStatus: number | undefined }
  /** Nobody can be asked now; after `waitMs` somebody may. */
  | { kind: 'waiting'; waitMs: number }
  /** Every target failed in a way that waiting does not mend. */
  | { kind: 'exhausted' }
  | { kind: 'deadline' }
  /** This process is stopping, or the job was cancelled. */
  | { kind: 'interrupted'; by: 'shutdown' | 'cancelled' }
);

/**
 * How a pass is told in traces.
 * @param made the attempts of this pass
 */
export function outcomeOf(end: RouteEnd, made: readonly Attempt[]): RouteOutcome {
  switch (end.kind) {
    case 'answered':
      // A second call to the same target is a retry.
      return new Set(made.map(({ target }) => target)).size > 1 ? 'failover' : 'primary';
    case 'rejected':
      return 'rejected';
    case 'interrupted':
      return 'interrupted';
    case 'waiting':
      return made.length > 0 ? 'exhausted' : 'parked';
    case 'deadline':
    case 'exhausted':
      return 'exhausted';
  }
}

/** What went wrong in a pass, if anything did; a job that only waits its turn is well. */
export function problemOf(end: RouteEnd, made: readonly Attempt[]): { type: string; message: string } | undefined {
  switch (end.kind) {
    case 'rejected':
      return { type: end.failure, message: 'the request was rejected' };
    case 'deadline':
      return { type: 'deadline_exceeded', message: 'the deadline passed' };
    case 'waiting':
      return made.length > 0 ? { type: 'exhausted', message: 'every target failed' } : undefined;
    case 'exhausted':
      return { type: 'exhausted', message: 'every target failed' };
    case 'answered':
    case 'interrupted':
      return undefined;
  }
}
