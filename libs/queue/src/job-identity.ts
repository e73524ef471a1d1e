import { createHash, randomUUID } from 'node:crypto';
import type { JobPayload } from '#libs/contracts';

/** Under which id a job lies in the queue, and what tells it from another one that claims the same id. */
export interface JobIdentity {
  jobId: string;
  /** Whether somebody else may add a job under the same id. */
  isShared: boolean;
  /** Of the request and its routing; undefined for a job without an idempotency key. */
  fingerprint: string | undefined;
}

/**
 * With an idempotency key the id follows from the key and the tenant: whoever asks with them means the same job. How long an
 * answer is of use, how urgent it is and who waits for it may differ from call to call; what is asked may not.
 */
export function identityOf(job: JobPayload): JobIdentity {
  const { idempotencyKey, tenant = null, request, routing = null, operation = 'chat' } = job;
  if (idempotencyKey === undefined) return { jobId: randomUUID(), isShared: false, fingerprint: undefined };
  return {
    jobId: `key-${hash(JSON.stringify([tenant, idempotencyKey]))}`,
    isShared: true,
    fingerprint: hash(canonicalJson([request, routing, ...(operation === 'chat' ? [] : [operation])])),
  };
}

const hash = (text: string) => createHash('sha256').update(text).digest('base64url');

/** The same text for the same value, in whatever order its fields were written. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
