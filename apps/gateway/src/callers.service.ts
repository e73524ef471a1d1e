import type { ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import { UnderstudyError } from '#libs/contracts';
import { StreamMetrics } from '#libs/telemetry';

/** Notices callers that leave before their answer, and takes their jobs back. */
@Injectable()
export class CallersService {
  readonly #log = new Logger(CallersService.name);

  constructor(
    private readonly client: CompletionClient,
    private readonly metrics: StreamMetrics,
  ) {}

  /** Fires when the caller has gone; the end of an answer is no leaving. */
  whenLeft(response: ServerResponse): AbortSignal {
    const left = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) left.abort();
    });
    if (response.destroyed) left.abort();
    return left.signal;
  }

  count(keep: boolean): void {
    this.metrics.callerLeft(keep ? 'kept' : 'cancelled');
  }

  /** Nobody reads the answer of a job any more. */
  async left(jobId: string | undefined, keep: boolean): Promise<void> {
    this.count(keep);
    if (keep || jobId === undefined) return;
    try {
      await this.client.cancel(jobId);
    } catch (error) {
      // Nothing is lost but a call that nobody waits for.
      const code = error instanceof UnderstudyError ? error.code : 'internal_error';
      this.#log.warn({ event: 'llm.job.not_cancelled', job_id: jobId, code });
    }
  }
}
