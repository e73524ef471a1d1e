/**
 * The same failure without the command that met it. ioredis keeps a command's arguments on the error, and those may be
 * a password (AUTH) or a prompt: such an error must not reach a log.
 */
export function withoutCommand(error: unknown): Error {
  const { name, message, code } = error as Partial<Error> & { code?: unknown };
  const safe = new Error(message || String(code ?? error));
  safe.name = name ?? 'Error';
  return code === undefined ? safe : Object.assign(safe, { code });
}
