import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, Logger, type NestMiddleware } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { StreamMetrics } from '#libs/telemetry';
import { JOB_ID_HEADER } from './answer-headers.js';
import { CONFIG } from './models.service.js';

/** Why a connection was ended whose caller read nothing any more. */
export class CallerStalledError extends Error {
  override readonly name = 'CallerStalledError';
}

/**
 * Hangs up on callers that take nothing of what is there for them, or they would keep their answers in our memory for as long as they
 * like. The job goes the way that it goes when a caller leaves.
 */
@Injectable()
export class StalledCallersMiddleware implements NestMiddleware {
  readonly #log = new Logger(StalledCallersMiddleware.name);

  constructor(
    private readonly metrics: StreamMetrics,
    @Inject(CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  use(_request: IncomingMessage, response: ServerResponse, next: () => void): void {
    // Fires when no byte has moved on the connection for that long. With nothing to send that is a caller who waits.
    response.setTimeout(this.config.gateway.stalledAfterMs, () => {
      if (response.writableLength > 0) this.#hangUp(response);
    });
    next();
  }

  #hangUp(response: ServerResponse): void {
    const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream');
    const answer = isStream ? 'stream' : 'json';
    this.metrics.callerStalled(answer);
    const facts = { job_id: response.getHeader(JOB_ID_HEADER), answer, unsent_bytes: response.writableLength };
    this.#log.warn({ event: 'llm.caller.stalled', ...facts });
    response.destroy(new CallerStalledError());
  }
}
