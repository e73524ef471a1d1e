import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { UnderstudyError } from '#libs/contracts';
import type { RefusalMetrics } from '#libs/telemetry';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DoorError } from './door.errors.js';
import { doorError, toErrorResponse, UNFORESEEN, type ErrorResponse } from './openai-error.js';

/** Every error leaves in OpenAI's shape, with the right status, and without a stack. */
@Catch()
export class OpenAiErrorFilter implements ExceptionFilter {
  /** @param report hears of errors that nobody foresaw; the caller is told only that there was one */
  constructor(
    private readonly metrics: RefusalMetrics,
    private readonly report: (error: unknown) => void,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<IncomingMessage>();
    const response = host.switchToHttp().getResponse<ServerResponse>();
    if (response.headersSent || response.destroyed) return;
    const { status, headers, body } = this.#describe(error, request);
    this.metrics.refused(error instanceof UnderstudyError ? error.code : body.error.code);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.statusCode = status;
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(body));
  }

  #describe(error: unknown, request: IncomingMessage): ErrorResponse {
    if (error instanceof DoorError) return error.response;
    if (error instanceof UnderstudyError) return toErrorResponse(error, Date.now());
    if (error instanceof HttpException && error.getStatus() === 404) {
      const path = (request.url ?? '').split('?')[0];
      return doorError(
        404,
        'unknown_url',
        `Unknown request URL: ${request.method} ${path}. This gateway serves /v1/chat/completions, /v1/embeddings, /v1/jobs and /v1/models.`,
      );
    }
    if (error instanceof HttpException && error.getStatus() < 500)
      return doorError(error.getStatus(), 'invalid_request', error.message);
    this.report(error);
    return UNFORESEEN;
  }
}
