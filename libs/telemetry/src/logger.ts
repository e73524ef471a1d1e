import { trace } from '@opentelemetry/api';
import { pino, type DestinationStream, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { logError } from './log-error.js';
import { redact } from './log-redaction.js';
import { TelemetryEnvError } from './telemetry-env-error.js';

export type { Logger };

export interface LoggerOptions {
  /** Who writes: the name of the service, or of a part of it. */
  name: string;
  /** Where lines go; default is the standard output. */
  destination?: DestinationStream;
}

/**
 * A pino logger that writes one JSON object per line, or readable lines with `LOG_FORMAT=pretty` (the default on a terminal).
 * `LOG_LEVEL` is the lowest level that is written, default `info`. Inside a span each line carries `trace_id`, `span_id` and
 * `trace_flags`. Secrets are masked, and what was said to Redis is left out of errors.
 * @throws TelemetryEnvError when LOG_LEVEL or LOG_FORMAT has an unknown value
 */
export function createLogger({ name, destination = pino.destination({ fd: 1, sync: true }) }: LoggerOptions): Logger {
  const level = oneOf('LOG_LEVEL', [...Object.keys(pino.levels.values), 'silent'], 'info');
  const format = oneOf('LOG_FORMAT', ['json', 'pretty'], process.stdout.isTTY ? 'pretty' : 'json');
  return pino(
    {
      name,
      level,
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: logError },
      mixin: activeSpanFields,
      hooks: { streamWrite: redact },
    },
    format === 'pretty' ? prettyLines(destination) : destination,
  );
}

/** Field names are those of OpenTelemetry's own pino instrumentation, so that log backends find them. */
function activeSpanFields(): object {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span) return {};
  return { trace_id: span.traceId, span_id: span.spanId, trace_flags: span.traceFlags.toString(16).padStart(2, '0') };
}

/** Formats in this thread and at once: a worker or a stream would lose its last lines when the process ends. */
function prettyLines(destination: DestinationStream): DestinationStream {
  const format = prettyFactory({
    colorize: process.stdout.isTTY === true && !process.env.NO_COLOR,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,span_id,trace_flags',
    singleLine: true,
  });
  return { write: (line) => destination.write(format(line)) };
}

function oneOf(variable: string, allowed: readonly string[], fallback: string): string {
  const value = process.env[variable] || fallback;
  if (!allowed.includes(value))
    throw new TelemetryEnvError(variable, `"${value}" is unknown; write one of: ${allowed.join(', ')}`);
  return value;
}
