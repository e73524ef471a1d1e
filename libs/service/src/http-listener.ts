import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { explainListenError } from './start.errors.js';

/** How often connections that have become idle are looked for while a server drains. */
const IDLE_CHECK_MS = 100;

/**
 * Listens. Nest's own `listen` would log the error before it throws it.
 * @returns the URL under which this machine reaches the server
 * @throws StartError that names the variable to change
 */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error) => reject(explainListenError(error, host, port));
    server.once('error', refused);
    server.listen({ host, port }, () => {
      server.removeListener('error', refused);
      resolve();
    });
  });
  return urlOf(server.address() as AddressInfo);
}

function urlOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Takes no new connections, and ends when the last request in hand is answered. */
export async function drain(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that is kept alive after its last answer would hold the server open until it times out.
  const idleCheck = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  await closed.finally(() => clearInterval(idleCheck));
}
