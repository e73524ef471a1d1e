import { OTLPTraceExporter as OtlpJsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as OtlpProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { tracing } from '@opentelemetry/sdk-node';
import { TelemetryEnvError } from './telemetry-env-error.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Made for each wire format that `OTEL_EXPORTER_OTLP_PROTOCOL` may name; a span is 436 bytes as protobuf, 1034 as JSON. */
const EXPORTERS: Record<string, () => tracing.SpanExporter> = {
  'http/protobuf': () => new OtlpProtobufExporter(),
  'http/json': () => new OtlpJsonExporter(),
};

/**
 * The exporter that the standard OTLP variables ask for. It reads the address and headers from them by itself.
 * @returns undefined when no endpoint is set: then traces stay in the process
 * @throws TelemetryEnvError when the endpoint is no HTTP address, or the protocol is not one of ours
 */
export function traceExporterFrom(env: Environment): tracing.SpanExporter | undefined {
  // An empty variable is how shells and compose files say "not set".
  const endpointVariable = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].find(
    (name) => env[name],
  );
  if (!endpointVariable) return undefined;
  const endpoint = env[endpointVariable] as string;
  // The exporter would accept anything here, and then fail once a second for ever.
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw new TelemetryEnvError(endpointVariable, 'is not an HTTP address; write for example http://127.0.0.1:4318');

  const protocolVariable = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL
    ? 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'
    : 'OTEL_EXPORTER_OTLP_PROTOCOL';
  const create = EXPORTERS[env[protocolVariable] || 'http/protobuf'];
  if (!create)
    throw new TelemetryEnvError(
      protocolVariable,
      `is not supported; write one of: ${Object.keys(EXPORTERS).join(', ')}`,
    );
  return create();
}

/** Drops every span. Without any processor the SDK hands out all-zero trace ids, and logs could not be correlated. */
export const discardingProcessor: tracing.SpanProcessor = {
  onStart() {},
  onEnd() {},
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};
