import { setTimeout as delay } from 'node:timers/promises';
import { CompletionClient } from '#libs/client';
import { UnderstudyError } from '#libs/contracts';
import type { Ledger } from './ledger.js';
import type { SoakOptions } from './options.js';

/** Pause after the queue could not be reached, in milliseconds. */
const RETRY_MS = 250;

/**
 * Hands in all jobs at an even rate. While Redis is away a job is handed in again and again under the same idempotency key: an add
 * whose answer was lost is the same job.
 */
export async function handInJobs(
  { jobs, rate, deadlineMs }: SoakOptions,
  redisUrl: string,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  const client = new CompletionClient({ redisUrl });
  const startedAt = performance.now();
  const handIns: Promise<void>[] = [];
  try {
    for (let n = 0; n < jobs && !signal.aborted; n++) {
      const waitMs = startedAt + (n * 1_000) / rate - performance.now();
      if (waitMs > 1) await delay(waitMs);
      handIns.push(handIn(n));
    }
    await Promise.all(handIns);
  } finally {
    await client.close();
  }

  async function handIn(n: number): Promise<void> {
    const request = { model: 'm', messages: [{ role: 'user', content: `job ${n}` }] };
    while (!signal.aborted) {
      try {
        const jobId = await client.enqueue(request, { deadlineMs, idempotencyKey: `soak-${n}` });
        ledger.handedIn(jobId, Date.now());
        return;
      } catch (error) {
        if (!(error instanceof UnderstudyError) || !error.retryable) throw error;
        await delay(RETRY_MS);
      }
    }
  }
}
