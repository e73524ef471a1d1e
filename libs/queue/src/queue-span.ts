import { ATTR } from '#libs/contracts';
import { type Context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { type Span as BullSpan, TelemetryAttributes } from 'bullmq';

type BullAttributes = Parameters<BullSpan['setAttributes']>[0];
type BullException = Parameters<BullSpan['recordException']>[0];

/** What we keep of BullMQ's attributes, and what it is called with us. */
const KEPT: Record<string, string> = {
  [TelemetryAttributes.JobId]: ATTR.messagingMessageId,
  [TelemetryAttributes.BulkCount]: ATTR.messagingBatchCount,
  [TelemetryAttributes.JobName]: ATTR.bullJobName,
  [TelemetryAttributes.WorkerName]: ATTR.bullWorkerName,
  [TelemetryAttributes.JobAttemptsMade]: ATTR.bullAttemptsMade,
};

/** Longest error message on a span, in characters. */
const MAX_MESSAGE = 300;

/** A `send` or `process` span, fed by BullMQ. */
export class QueueSpan implements BullSpan<Context> {
  #errorType: string | undefined;

  constructor(private readonly span: Span) {}

  setSpanOnContext(context: Context): Context {
    return trace.setSpan(context, this.span);
  }

  setAttribute(key: string, value: BullAttributes[string]): void {
    this.setAttributes({ [key]: value });
  }

  setAttributes(attributes: BullAttributes): void {
    for (const [key, value] of Object.entries(attributes)) {
      const name = KEPT[key];
      if (name !== undefined && value !== undefined) this.span.setAttribute(name, value);
    }
  }

  /** BullMQ tells the end of a job as an event. `job completed` would carry the job's return value: dropped. */
  addEvent(name: string, attributes?: BullAttributes): void {
    if (name === 'job failed') this.#fail('job_failed', attributes?.[TelemetryAttributes.JobFailedReason]);
  }

  recordException(exception: BullException): void {
    if (typeof exception === 'string') this.#fail('_OTHER', exception);
    else this.#fail(exception.name ?? '_OTHER', exception.message);
  }

  end(): void {
    this.span.end();
  }

  #fail(type: string, reason: unknown): void {
    const message = typeof reason === 'string' ? reason : type;
    // A handler may have put its own, better error.type on this span, `exhausted` for example; that one stays.
    const { attributes } = this.span as { attributes?: Record<string, unknown> };
    this.#errorType ??= (attributes?.[ATTR.errorType] as string | undefined) ?? type;
    this.span.setAttribute(ATTR.errorType, this.#errorType);
    this.span.setStatus({ code: SpanStatusCode.ERROR, message: message.slice(0, MAX_MESSAGE) });
  }
}

/** For what BullMQ does in the background: no span of its own, children go to the span around it. */
export const NO_SPAN: BullSpan<Context> = {
  setSpanOnContext: (context) => context,
  setAttribute: () => undefined,
  setAttributes: () => undefined,
  addEvent: () => undefined,
  recordException: () => undefined,
  end: () => undefined,
};
