import { createLogger, startTelemetry, type Logger } from '#libs/telemetry';
import { createService, type Service, type ServiceOptions } from './create-service.js';
import { endsWithin } from './ends-within.js';
import { onStopRequest } from './stop-request.js';

/** Part of the shutdown deadline that is kept for the last spans. */
const TELEMETRY_SHARE = 0.2;
const TELEMETRY_MAX_MS = 2_000;

/** A collector that is away fails every export; that is told this often. */
const EXPORT_ERROR_INTERVAL_MS = 60_000;

/**
 * Runs a service until the process is told to end. Telemetry starts first and ends last. SIGTERM and SIGINT stop the service:
 * the process ends with code 0 when that is done, and with code 1 at SHUTDOWN_DEADLINE_MS whatever hangs.
 * @returns when the service listens; the line `event=service.ready` follows when every condition of its Readiness is met
 * @throws StartError, TelemetryEnvError, and what the app's providers throw; call it inside bootService
 */
export async function runService(options: ServiceOptions): Promise<void> {
  const { name, env } = options;
  const logger = options.logger ?? createLogger({ name });
  const telemetry = startTelemetry({ serviceName: name, onExportError: exportErrorLog(logger) });
  const telemetryMs = Math.min(TELEMETRY_MAX_MS, env.SHUTDOWN_DEADLINE_MS * TELEMETRY_SHARE);
  const running: { service?: Service } = {};
  let stopRequested = false;

  async function end(code: number): Promise<never> {
    await telemetry.shutdown(telemetryMs);
    process.exit(code);
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    stopRequested = true;
    logger.info({ event: 'service.stopping', signal }, `${signal}: stopping`);
    const stopped = await stopWithin(running.service, env.SHUTDOWN_DEADLINE_MS - telemetryMs, logger);
    await end(stopped ? 0 : 1);
  }

  onStopRequest((signal) => void stop(signal));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      logger.fatal({ event: 'service.crashed', err: error }, `${event}: the process ends, its state cannot be trusted`);
      void end(1);
    });

  try {
    running.service = await createService({ ...options, logger });
    await running.service.start();
  } catch (error) {
    // What a stop took away from a start in progress is no failure; the process is about to end.
    if (!stopRequested) throw error;
  }
}

async function stopWithin(service: Service | undefined, deadlineMs: number, logger: Logger): Promise<boolean> {
  try {
    // Before there is a service, nothing is in hand.
    if (!service || (await endsWithin(service.stop(), deadlineMs))) {
      logger.info({ event: 'service.stopped' }, 'stopped');
      return true;
    }
    logger.error(
      { event: 'service.stop_deadline', deadlineMs },
      'still not stopped, ending anyway; SHUTDOWN_DEADLINE_MS sets how long to wait',
    );
  } catch (error) {
    logger.error({ event: 'service.stop_failed', err: error }, 'stopping failed');
  }
  return false;
}

function exportErrorLog(logger: Logger): (error: unknown) => void {
  let quietUntil = 0;
  return (error) => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + EXPORT_ERROR_INTERVAL_MS;
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn(
      { event: 'telemetry.export_failed', reason },
      'traces cannot be sent; is the collector of OTEL_EXPORTER_OTLP_ENDPOINT up?',
    );
  };
}
