import { connect, createServer } from 'node:net';

/** A loopback TCP port that nobody listens on at this moment; chosen by the system. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Whether nobody listens on the loopback port. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Whether a TCP connection can be made within `timeoutMs`. */
export function canConnect(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return exchange(host, port, timeoutMs, undefined).then((reply) => reply !== undefined);
}

/** Whether a Redis on the loopback port answers PING, or asks for a password first, and has finished loading its data. */
export async function answersPing(port: number, timeoutMs = 1000): Promise<boolean> {
  const reply = await exchange('127.0.0.1', port, timeoutMs, 'PING\r\n');
  return /^(\+PONG|-NOAUTH)/.test(reply ?? '');
}

/** First bytes that come back (empty when nothing was sent), or undefined when there is no connection or no reply. */
function exchange(
  host: string,
  port: number,
  timeoutMs: number,
  send: string | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const finish = (reply: string | undefined) => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(timeoutMs, () => finish(undefined));
    socket.once('error', () => finish(undefined));
    socket.once('close', () => finish(undefined));
    socket.once('data', (data) => finish(String(data)));
    socket.once('connect', () => (send === undefined ? finish('') : socket.write(send)));
  });
}
