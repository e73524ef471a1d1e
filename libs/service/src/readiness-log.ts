import type { Logger } from '#libs/telemetry';
import type { Readiness } from './readiness.js';

/** One line when the service becomes ready, and one when it is no longer: not one per condition. */
export function logReadiness(readiness: Readiness, logger: Logger, url: string): void {
  let ready = false;
  readiness.onChange(() => {
    const { status, waitingFor } = readiness.report();
    if (status === 'stopping' || ready === (status === 'ready')) return;
    ready = !ready;
    if (ready) logger.info({ event: 'service.ready', url }, `ready at ${url}`);
    else
      logger.warn(
        { event: 'service.not_ready', waiting_for: waitingFor },
        `not ready, waiting for ${waitingFor?.join(', ')}`,
      );
  });
}
