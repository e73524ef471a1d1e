/** The simulator cannot listen where it was told to; the message says where and what to change. */
export class SimulatorStartError extends Error {
  override readonly name = 'SimulatorStartError';
  readonly code = 'SIMULATOR_START_FAILED';

  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    super(`cannot listen on ${host}:${port}: ${describe(cause)}`, { cause });
  }
}

function describe(cause: NodeJS.ErrnoException): string {
  if (cause.code === 'EADDRINUSE') {
    return 'the port is in use; stop what uses it or set PORT to another one (0 for any free one)';
  }
  if (cause.code === 'EACCES') return 'not permitted; set PORT to 1024 or higher';
  if (cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND') {
    return 'this machine has no such address; set HOST to 127.0.0.1 or 0.0.0.0';
  }
  return cause.message;
}
