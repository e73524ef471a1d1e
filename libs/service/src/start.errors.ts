/** The service cannot listen where it was told to. The message names the variable and the fix. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code = 'cannot_listen';
}

/** Tells what to change when `listen` failed; an error without such advice comes back as it is. */
export function explainListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const advice = ADVICE[error.code ?? '']?.(host, port);
  return advice ? new StartError(advice, { cause: error }) : error;
}

const notOurs = (host: string) =>
  `HOST: ${host} is not an address of this machine; set HOST to one that is, such as 127.0.0.1 or 0.0.0.0`;

const ADVICE: Record<string, (host: string, port: number) => string> = {
  EADDRINUSE: (host, port) =>
    `PORT: ${port} on ${host} is in use by another process; stop it, or set PORT to a free port (0 picks one)`,
  EACCES: (_host, port) => `PORT: this user may not listen on ${port}; set PORT to 1024 or higher`,
  EADDRNOTAVAIL: notOurs,
  ENOTFOUND: notOurs,
  EAI_AGAIN: notOurs,
};
