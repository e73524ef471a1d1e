import { ATTR } from '#libs/contracts';
import type { RedisNode } from '#libs/redis';
import { type Context, context, propagation, ROOT_CONTEXT, SpanKind, trace, type Tracer } from '@opentelemetry/api';
import type { ContextManager, Span as BullSpan, Telemetry, Tracer as BullTracer } from 'bullmq';
import { NO_SPAN, QueueSpan } from './queue-span.js';

export interface QueueTelemetryOptions {
  /** Default: the tracer of the globally registered provider. */
  tracer?: Tracer | undefined;
  /** Where Redis is, for `server.address` and `server.port`. */
  server?: RedisNode | undefined;
}

/**
 * BullMQ's telemetry on OpenTelemetry: `send <queue>` around an add, and below it `process <queue>` around each run of
 * the job, in whatever process that is. Everything else that BullMQ does makes no span.
 */
export class QueueTelemetry implements Telemetry<Context> {
  readonly tracer: BullTracer<Context>;
  readonly contextManager: ContextManager<Context> = {
    with: (active, work) => context.with(active, work) as ReturnType<typeof work>,
    active: () => context.active(),
    // BullMQ's endless loops must not hang on the span of whoever started them.
    root: () => ROOT_CONTEXT,
    getMetadata: (active) => {
      const carrier = {};
      propagation.inject(active, carrier);
      return JSON.stringify(carrier);
    },
    fromMetadata: (_active, metadata) => producerContext(metadata),
  };

  constructor({ tracer = trace.getTracer('understudy.queue'), server }: QueueTelemetryOptions = {}) {
    const where = server ? { [ATTR.serverAddress]: server.host, [ATTR.serverPort]: server.port } : {};
    this.tracer = {
      startSpan: (name, options, parent): BullSpan<Context> => {
        const kind = options?.kind as SpanKind | undefined;
        if (kind !== SpanKind.PRODUCER && kind !== SpanKind.CONSUMER) return NO_SPAN;
        // `add <queue>.<job name>` or `process <queue>`: that is why a queue's name has no dot.
        const [operation = '', destination = ''] = name.split(' ');
        const queue = destination.split('.')[0] ?? '';
        const type = kind === SpanKind.PRODUCER ? 'send' : 'process';
        const above = parent ?? (type === 'send' ? context.active() : ROOT_CONTEXT);
        const producer = type === 'process' ? trace.getSpanContext(above) : undefined;
        const span = tracer.startSpan(
          `${type} ${queue}`,
          {
            kind,
            attributes: {
              [ATTR.messagingSystem]: 'bullmq',
              [ATTR.messagingOperationName]: operation,
              [ATTR.messagingOperationType]: type,
              [ATTR.messagingDestination]: queue,
              ...where,
            },
            // The parent says the same, but messaging tools look for the link.
            links: producer ? [{ context: producer }] : [],
          },
          above,
        );
        return new QueueSpan(span);
      },
    };
  }
}

/** Where a job came from. Metadata that was not written by us must not stop the worker: such a job begins a trace. */
function producerContext(metadata: unknown): Context {
  try {
    const carrier: unknown = JSON.parse(metadata as string);
    if (typeof carrier === 'object' && carrier !== null) return propagation.extract(ROOT_CONTEXT, carrier);
  } catch {
    // fall through
  }
  return ROOT_CONTEXT;
}
