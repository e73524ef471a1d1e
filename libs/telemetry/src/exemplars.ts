import { trace, TraceFlags } from '@opentelemetry/api';

/** Labels that lead from a point of a metric to the trace behind it. */
export type ExemplarLabel = 'trace_id' | 'span_id';

let tracesLeave = false;

/** Called by the start and the stop of tracing: an exemplar must not point to a trace that no backend has. */
export function setTracesLeave(leave: boolean): void {
  tracesLeave = leave;
}

/** The active span as exemplar labels; undefined when it will not be exported. */
export function activeExemplar(): Record<ExemplarLabel, string> | undefined {
  if (!tracesLeave) return undefined;
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || (span.traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
  return { trace_id: span.traceId, span_id: span.spanId };
}
