import { trace } from '@opentelemetry/api';
import type { StreamEvent } from '#libs/client';
import { ATTR } from '#libs/contracts';
import type { StreamEnd, StreamMetrics } from '#libs/telemetry';
import { type AnswerFacts, factsOf } from './answer-headers.js';
import type { Delivery } from './chat-request.js';
import { StreamedAnswer } from './streamed-answer.js';

interface StreamWishes {
  delivery: Delivery;
  includeUsage: boolean;
  /** As it was asked for. */
  model: string;
  /** Of a job that is read along. */
  jobId?: string;
}

/** One answer that is streamed to one caller: what to send, what is known of it, and how it goes. */
export class StreamExchange {
  readonly facts: AnswerFacts = {};
  /** Whether the job has its whole answer. */
  isAnswered = false;
  #answer: StreamedAnswer | undefined;
  #startedAt: number | undefined = performance.now();
  #restarts = 0;

  constructor(
    private readonly wishes: StreamWishes,
    private readonly metrics: StreamMetrics,
  ) {
    trace.getActiveSpan()?.setAttribute(ATTR.streamDelivery, wishes.delivery);
    if (wishes.jobId !== undefined) this.#begin(wishes.jobId);
  }

  /** For a log line: nothing of what was asked or answered. */
  get summary() {
    const { jobId, target, attempts } = this.facts;
    return { job_id: jobId, target, attempts, delivery: this.wishes.delivery, restarts: this.#restarts };
  }

  /**
   * What the caller is to be sent now, made one by one: a caller that reads slowly does not cost the rest of its answer a second time.
   * @throws UnderstudyError `stream_interrupted`
   */
  *chunksOf(event: StreamEvent): Generator<object, undefined> {
    if (event.type === 'enqueued') this.#begin(event.jobId);
    if (event.type === 'enqueued' || !this.#answer) return;
    this.#learn(event);
    const wasCatchingUp = this.#answer.isCatchingUp;
    let isFirst = true;
    for (const chunk of this.#turn(event, this.#answer)) {
      if (isFirst && wasCatchingUp) this.metrics.restarted('continued');
      if (isFirst) this.#tellFirst();
      isFirst = false;
      yield chunk;
    }
    if (event.type === 'restarted' && this.#answer.isCatchingUp) this.#restarts++;
  }

  ended(outcome: StreamEnd): void {
    this.metrics.ended(this.wishes.delivery, outcome);
    if (outcome === 'interrupted') this.metrics.restarted('interrupted');
    const about = { [ATTR.streamOutcome]: outcome, [ATTR.streamRestarts]: this.#restarts };
    trace.getActiveSpan()?.setAttributes(about);
  }

  #begin(jobId: string): void {
    this.facts.jobId = jobId;
    const { model, includeUsage } = this.wishes;
    this.#answer = new StreamedAnswer({ jobId, model, includeUsage, now: Math.floor(Date.now() / 1000) });
  }

  #learn(event: Exclude<StreamEvent, { type: 'enqueued' }>): void {
    this.isAnswered = event.type === 'completed';
    if (event.type === 'completed') Object.assign(this.facts, factsOf(event.result));
    else this.facts.attempts = event.attempt;
    if (event.type !== 'chunk') return;
    this.facts.target = event.target;
    this.facts.model = event.chunk.model || this.facts.model;
  }

  #turn(event: Exclude<StreamEvent, { type: 'enqueued' }>, answer: StreamedAnswer): Iterable<object> {
    switch (event.type) {
      case 'chunk':
        return answer.chunk(event);
      case 'restarted':
        return answer.restarted(event);
      case 'completed':
        return answer.completed(event);
    }
  }

  #tellFirst(): void {
    if (this.#startedAt === undefined) return;
    const ms = performance.now() - this.#startedAt;
    this.#startedAt = undefined;
    this.metrics.began(this.wishes.delivery, ms);
    trace.getActiveSpan()?.setAttribute(ATTR.streamFirstByteMs, Math.round(ms));
  }
}
