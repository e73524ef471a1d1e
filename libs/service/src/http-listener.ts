import type { IncomingMessage, Server } from 'node:http';
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

/**
 * Follows the requests of a server from before it listens.
 * @returns takes no new connections, and ends when the last request in hand is answered
 */
export function prepareDrain(server: Server): () => Promise<void> {
  const open = new Set<IncomingMessage>();
  server.on('request', (request, response) => {
    open.add(request);
    response.once('close', () => open.delete(request));
  });
  // A request that never arrives whole is not in hand: nobody works on it.
  const isWorking = () => [...open].some((request) => request.complete);

  return async () => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // Connections that are kept alive after their last answer, and those on which no request was ever completed (Node does not
    // count them as idle), would hold the server open until they time out.
    const check = setInterval(
      () => (isWorking() ? server.closeIdleConnections() : server.closeAllConnections()),
      IDLE_CHECK_MS,
    );
    await closed.finally(() => clearInterval(check));
  };
}
