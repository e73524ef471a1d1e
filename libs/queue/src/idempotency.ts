import { type JobPayload, UnderstudyError } from '#libs/contracts';
import type { JobIdentity } from './job-identity.js';

interface Identified {
  job: JobPayload;
  identity: JobIdentity;
}

/**
 * The first job of each id: the same key twice in one call means one job.
 * @throws UnderstudyError `idempotency_conflict` when the same key stands for two requests
 */
export function withoutRepeats<T extends Identified>(jobs: readonly T[], fieldOf: (index: number) => string): T[] {
  const first = new Map<string, T>();
  for (const [i, job] of jobs.entries()) {
    const { jobId, fingerprint } = job.identity;
    const earlier = first.get(jobId);
    if (!earlier) first.set(jobId, job);
    else if (earlier.identity.fingerprint !== fingerprint) throw idempotencyConflict(job.job, fieldOf(i));
  }
  return [...first.values()];
}

/** The key is the caller's own and may be told; what it stood for before is not. */
export function idempotencyConflict({ idempotencyKey }: JobPayload, field: string): UnderstudyError {
  return new UnderstudyError(
    'idempotency_conflict',
    `${field}: "${idempotencyKey}" was used for another request; send the same request again, or choose another key`,
    { field },
  );
}
