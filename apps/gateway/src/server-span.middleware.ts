import { Injectable, type NestMiddleware } from '@nestjs/common';
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { ATTR } from '#libs/contracts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CallerStalledError } from './stalled-callers.middleware.js';

/** Opens the SERVER span of a request that makes a job, continuing the caller's trace if it sent a `traceparent`. Ends when the answer is out. */
@Injectable()
export class ServerSpanMiddleware implements NestMiddleware {
  readonly #tracer = trace.getTracer('gateway');

  use(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse, next: () => void): void {
    const parent = propagation.extract(ROOT_CONTEXT, request.headers);
    const method = request.method ?? 'GET';
    // Only for paths without parameters: the path is the route.
    const route = (request.originalUrl ?? '').split('?')[0] ?? '';
    const span = this.#tracer.startSpan(
      `${method} ${route}`,
      { kind: SpanKind.SERVER, attributes: { [ATTR.httpMethod]: method, [ATTR.httpRoute]: route } },
      parent,
    );
    response.once('close', () => {
      const { statusCode } = response;
      // Of an answer that had been ended but not sent, Node says that it is finished once its connection is gone.
      const isSent = response.writableFinished && !response.errored;
      if (isSent) span.setAttribute(ATTR.httpStatus, statusCode);
      else span.setAttribute(ATTR.errorType, whyGone(response));
      // A caller's mistake is no fault of the server: 4xx leaves the status alone, as OpenTelemetry prescribes.
      if (isSent && statusCode >= 500) {
        span.setAttribute(ATTR.errorType, String(statusCode));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    });
    context.with(trace.setSpan(parent, span), next);
  }
}

const whyGone = ({ errored }: ServerResponse) =>
  errored instanceof CallerStalledError ? 'client_stalled' : 'client_disconnected';
