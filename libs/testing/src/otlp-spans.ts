/** A span as a test wants to read it. */
export interface ReceivedSpan {
  /** `service.name` of the process that made it. */
  service: string;
  name: string;
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer' | 'unspecified';
  traceId: string;
  spanId: string;
  /** Undefined for a root. */
  parentSpanId: string | undefined;
  status: 'unset' | 'ok' | 'error';
  statusMessage: string | undefined;
  startMs: number;
  endMs: number;
  attributes: Record<string, AttributeValue>;
  resource: Record<string, AttributeValue>;
  events: { name: string; attributes: Record<string, AttributeValue> }[];
  links: { traceId: string; spanId: string; attributes: Record<string, AttributeValue> }[];
}

type AttributeValue = string | number | boolean | null | AttributeValue[];

interface WireValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string | number;
  doubleValue?: number;
  arrayValue?: { values?: WireValue[] };
}
type WireAttributes = { key: string; value: WireValue }[] | undefined;

interface WireSpan {
  name: string;
  kind?: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status?: { code?: number; message?: string };
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: WireAttributes;
  events?: { name: string; attributes?: WireAttributes }[];
  links?: { traceId: string; spanId: string; attributes?: WireAttributes }[];
}

/** An OTLP/JSON ExportTraceServiceRequest. */
export interface WireTraces {
  resourceSpans?: { resource?: { attributes?: WireAttributes }; scopeSpans?: { spans?: WireSpan[] }[] }[];
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const STATUSES = ['unset', 'ok', 'error'] as const;

/** The spans of one export, flat, each with the resource it belongs to. */
export function flattenSpans({ resourceSpans = [] }: WireTraces): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const resourceAttributes = toObject(resource?.attributes);
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => flatten(span, resourceAttributes)));
  });
}

function flatten(span: WireSpan, resource: Record<string, AttributeValue>): ReceivedSpan {
  return {
    service: String(resource['service.name'] ?? ''),
    name: span.name,
    kind: KINDS[span.kind ?? 0] ?? 'unspecified',
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    status: STATUSES[span.status?.code ?? 0] ?? 'unset',
    statusMessage: span.status?.message,
    startMs: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
    endMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
    attributes: toObject(span.attributes),
    resource,
    events: (span.events ?? []).map(({ name, attributes }) => ({ name, attributes: toObject(attributes) })),
    links: (span.links ?? []).map(({ traceId, spanId, attributes }) => ({
      traceId,
      spanId,
      attributes: toObject(attributes),
    })),
  };
}

const toObject = (attributes: WireAttributes) =>
  Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, read(value)]));

function read(value: WireValue): AttributeValue {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(read);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}
