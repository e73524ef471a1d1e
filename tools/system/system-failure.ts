import type { LogLine, ServiceExit } from '#libs/processes';

const SHOWN_LINES = 20;

/** The system cannot go on; the message tells why, with the last lines of the service concerned. */
export class SystemFailure extends Error {
  override readonly name = 'SystemFailure';
  readonly code = 'system_failure';

  /** @param lines of the service concerned, where it is one of ours */
  constructor(what: string, lines?: readonly LogLine[]) {
    const last = (lines ?? []).slice(-SHOWN_LINES).map(({ text }) => `    ${text}`);
    const told = last.length > 0 ? ['  its last lines:', ...last] : lines ? ['  it wrote nothing'] : [];
    super([what, ...told].join('\n'));
  }
}

/** `router ended unexpectedly with code 1`. */
export function describeEnd(name: string, { code, signal }: ServiceExit): string {
  return `${name} ended unexpectedly ${signal ? `by ${signal}` : `with code ${code}`}`;
}
