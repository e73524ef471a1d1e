import { randomUUID } from 'node:crypto';
import { context, propagation, trace } from '@opentelemetry/api';
import { core, NodeSDK, resources, tracing } from '@opentelemetry/sdk-node';
import { setTracesLeave } from './exemplars.js';
import { discardingProcessor, traceExporterFrom } from './trace-exporter.js';
import { within } from './within.js';

/** Longest that the end of a process waits for the last spans to leave. */
const SHUTDOWN_DEADLINE_MS = 2_000;

export interface TelemetryOptions {
  /** `router`, `gateway`, …: the `service.name` of every span. */
  serviceName: string;
  /** Hears of exports that failed; called as often as they do. Default: nobody is told. */
  onExportError?: (error: unknown) => void;
}

/** Tracing of this process, running. */
export interface Telemetry {
  /** Whether spans are sent to a collector. */
  readonly exporting: boolean;
  /**
   * Sends what is buffered and stops. Never throws, and ends after `deadlineMs` even if the collector does not answer.
   * Call it last: spans that end later are lost.
   */
  shutdown(deadlineMs?: number): Promise<void>;
}

/**
 * Starts OpenTelemetry tracing for the whole process. Spans leave only when `OTEL_EXPORTER_OTLP_ENDPOINT` (or the TRACES variant)
 * is set; otherwise they are dropped, and trace ids are real all the same. The other standard OTEL_* variables apply.
 * @throws TelemetryEnvError naming the variable that cannot be used
 */
export function startTelemetry({ serviceName, onExportError = () => {} }: TelemetryOptions): Telemetry {
  const exporter = traceExporterFrom(process.env);
  core.setGlobalErrorHandler(onExportError);
  const sdk = new NodeSDK({
    serviceName,
    resource: resources
      .defaultResource()
      .merge(
        resources.resourceFromAttributes({ 'service.namespace': 'understudy', 'service.instance.id': randomUUID() }),
      ),
    // The default detectors would send process.command_args, process.owner and host.* along.
    resourceDetectors: [resources.envDetector],
    spanProcessors: [exporter ? batching(exporter) : discardingProcessor],
    spanLimits: { attributeValueLengthLimit: 2048 },
    // With nothing given the SDK starts OTLP exporters for both; metrics go through prom-client, logs through pino.
    metricReaders: [],
    logRecordProcessors: [],
    // None: the undici one would put our traceparent into requests to providers.
    instrumentations: [],
  });
  sdk.start();
  setTracesLeave(exporter !== undefined);
  return {
    exporting: exporter !== undefined,
    shutdown: (deadlineMs = SHUTDOWN_DEADLINE_MS) => shutDown(sdk, deadlineMs),
  };
}

/** The SDK's defaults (2048, 512, 5000) lose 45 % of 10,000 spans per second when a POST takes 100 ms. */
function batching(exporter: tracing.SpanExporter): tracing.SpanProcessor {
  const env = process.env;
  return new tracing.BatchSpanProcessor(exporter, {
    // An option that is left out is read from its OTEL_BSP_* variable.
    ...(env.OTEL_BSP_MAX_QUEUE_SIZE ? {} : { maxQueueSize: 65_536 }),
    ...(env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE ? {} : { maxExportBatchSize: 2_048 }),
    ...(env.OTEL_BSP_SCHEDULE_DELAY ? {} : { scheduledDelayMillis: 1_000 }),
  });
}

async function shutDown(sdk: NodeSDK, deadlineMs: number): Promise<void> {
  setTracesLeave(false);
  await within(sdk.shutdown(), deadlineMs, undefined).catch(() => {});
  // Frees the API for another start in the same process.
  trace.disable();
  context.disable();
  propagation.disable();
}
