import { withoutCommand } from '#libs/redis';

/** How long the same failure is not reported again, in milliseconds. */
const QUIET_MS = 10_000;

const CONNECTION_FAILURE = /ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Connection is closed|Stream isn't writeable/;

/**
 * Lets through what is worth a log line: no broken connections (the connection reports those itself, once per outage),
 * and the same message once in ten seconds. Commands and their arguments are taken off.
 */
export function gateErrors(report: (error: Error) => void): (error: unknown) => void {
  let last = '';
  let reportedAt = 0;
  return (error) => {
    const safe = withoutCommand(error);
    if (CONNECTION_FAILURE.test(`${(safe as NodeJS.ErrnoException).code ?? ''} ${safe.message}`)) return;
    if (safe.message === last && Date.now() - reportedAt < QUIET_MS) return;
    last = safe.message;
    reportedAt = Date.now();
    report(safe);
  };
}
