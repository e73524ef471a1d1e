import type { ServerResponse } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { CompletionClient, type StreamEvent } from '#libs/client';
import type { UnderstudyConfig } from '#libs/config';
import { ATTR, UnderstudyError } from '#libs/contracts';
import { StreamMetrics } from '#libs/telemetry';
import { answerHeaders } from './answer-headers.js';
import { CallersService } from './callers.service.js';
import type { ChatRequest } from './chat-request.js';
import { EventStream } from './event-stream.js';
import { CONFIG } from './models.service.js';
import { toStreamError } from './openai-error.js';
import { StreamExchange } from './stream-exchange.js';

/** Streams the answers of jobs to callers. */
@Injectable()
export class ChatStreamService {
  readonly #log = new Logger(ChatStreamService.name);

  constructor(
    private readonly client: CompletionClient,
    private readonly callers: CallersService,
    private readonly metrics: StreamMetrics,
    @Inject(CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  /**
   * Hands in the job of a request, and sends its answer as it is made, or once it is whole.
   * @throws what went wrong before anything was sent; afterwards that is told in the stream
   */
  answer(
    { request, wishes, timeoutMs, keep }: ChatRequest,
    { delivery, includeUsage }: NonNullable<ChatRequest['stream']>,
    response: ServerResponse,
  ): Promise<void> {
    const exchange = new StreamExchange({ delivery, includeUsage, model: String(request['model']) }, this.metrics);
    const streaming = delivery === 'live';
    // What becomes of the job when the loop ends early is decided by why it ends.
    const options = { ...wishes, timeoutMs, keep: true, streaming };
    return this.#stream(exchange, response, keep, (signal) =>
      this.client.stream(request as never, { ...options, signal }),
    );
  }

  /** Sends the answer of a job that is there, from its beginning. Whoever reads along decides nothing about the job. */
  follow(jobId: string, includeUsage: boolean, response: ServerResponse): Promise<void> {
    const exchange = new StreamExchange({ delivery: 'live', includeUsage, model: '', jobId }, this.metrics);
    return this.#stream(exchange, response, true, (signal) => this.client.stream(jobId, { signal }));
  }

  async #stream(
    exchange: StreamExchange,
    response: ServerResponse,
    keep: boolean,
    open: (signal: AbortSignal) => AsyncIterable<StreamEvent>,
  ): Promise<void> {
    const events = new EventStream(response, this.config.gateway.keepAliveMs, () => answerHeaders(exchange.facts));
    const left = this.callers.whenLeft(response);
    try {
      for await (const event of open(left))
        for (const chunk of exchange.chunksOf(event)) {
          await events.send(chunk);
          left.throwIfAborted();
        }
      await events.send('[DONE]');
      exchange.ended('completed');
      events.end();
    } catch (error) {
      if (left.aborted) {
        exchange.ended('left');
        if (!exchange.isAnswered) await this.callers.left(exchange.facts.jobId, keep);
      } else await this.#fail(error, exchange, events);
    }
  }

  async #fail(error: unknown, exchange: StreamExchange, events: EventStream): Promise<void> {
    const code = error instanceof UnderstudyError ? error.code : 'internal_error';
    const isInterrupted = code === 'stream_interrupted';
    if (isInterrupted) this.#log.warn({ event: 'llm.stream.interrupted', ...exchange.summary });
    exchange.ended(isInterrupted ? 'interrupted' : 'failed');
    if (!events.hasBegun) {
      events.abandon();
      throw error;
    }
    if (code === 'internal_error') this.#log.error({ event: 'gateway.failed', err: error }, 'a stream failed');
    // The status has left already, and said that all is well.
    trace.getActiveSpan()?.setAttribute(ATTR.errorType, code).setStatus({ code: SpanStatusCode.ERROR });
    await events.send(toStreamError(error, exchange.facts.jobId));
    events.end();
  }
}
