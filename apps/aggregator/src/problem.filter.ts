import type { IncomingMessage, ServerResponse } from 'node:http';
import { Catch, HttpException, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { LOGGER } from '#libs/service';
import type { Logger } from '#libs/telemetry';

/** Every error leaves as `{ error: { code, message } }`, also those that the framework makes. None quotes what was sent. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<IncomingMessage>();
    const response = host.switchToHttp().getResponse<ServerResponse>();
    if (response.headersSent || response.destroyed) return;
    const [status, body] = this.#describe(error, request);
    response.statusCode = status;
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(body));
  }

  #describe(error: unknown, { method, url = '' }: IncomingMessage): [status: number, body: unknown] {
    const status = statusOf(error);
    if (error instanceof HttpException && isOurs(error.getResponse())) return [status, error.getResponse()];
    switch (status) {
      case 400:
        return problem(400, 'invalid_request', 'body: not valid JSON. Send a JSON object.');
      case 404:
        return problem(404, 'unknown_url', `Unknown request URL: ${method} ${url.split('?')[0]}.`);
      case 413:
        return problem(413, 'payload_too_large', 'body: larger than this door takes. Send less than 100 kB.');
      case 415:
        return problem(415, 'unsupported_encoding', 'body: of an unknown charset or encoding. Send UTF-8, as it is.');
    }
    if (status < 500) return problem(status, 'invalid_request', 'The request cannot be read.');
    this.logger.error({ event: 'http.failed', err: error }, 'a request failed for a reason of our own');
    return problem(500, 'internal_error', 'Something went wrong in the aggregator; its log has the details.');
  }
}

/** What was thrown with a body of our own; the framework's have the status in theirs. */
const isOurs = (body: unknown) => typeof body === 'object' && body !== null && !('statusCode' in body);

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
}

const problem = (status: number, code: string, message: string): [number, unknown] => [
  status,
  { error: { code, message } },
];
