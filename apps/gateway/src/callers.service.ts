import type { ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import { type JobResult, UnderstudyError } from '#libs/contracts';
import { StreamMetrics } from '#libs/telemetry';
import { answerHeaders, factsOf } from './answer-headers.js';
import { sendJson } from './send-json.js';

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

  /** Sends the result that `ask` brings. A caller that leaves before takes its job back, unless it is to be kept. */
  async answer(
    response: ServerResponse,
    keep: boolean,
    ask: (options: { signal: AbortSignal; cancelOnAbort: boolean }) => Promise<JobResult>,
  ): Promise<void> {
    const signal = this.whenLeft(response);
    try {
      const result = await ask({ signal, cancelOnAbort: !keep });
      sendJson(response, 200, result, answerHeaders(factsOf(result)));
    } catch (error) {
      if (!signal.aborted) throw error;
      this.count(keep);
    }
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
