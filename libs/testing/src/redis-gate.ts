import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A door to the real Redis that a test can shut: for its client, Redis is away then. */
export interface RedisGate {
  /** For the client under test; stays the same over shut() and open(). */
  readonly url: string;
  /** Cuts every connection and refuses new ones. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Cuts every connection; new ones are accepted. */
  cut(): void;
}

/** @param initially `shut`: Redis is absent until open() */
export async function redisGate(redisUrl: string, initially: 'open' | 'shut' = 'open'): Promise<RedisGate> {
  const { hostname, port } = new URL(redisUrl);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(Number(port || 6379), hostname);
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(redis).pipe(client);
  });
  const listen = async (on: number) => {
    server.listen(on, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const ownPort = (server.address() as AddressInfo).port;

  const gate: RedisGate = {
    url: `redis://127.0.0.1:${ownPort}`,
    open: async () => {
      if (!server.listening) await listen(ownPort);
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    shut: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      gate.cut();
      await closed;
    },
  };
  if (initially === 'shut') await gate.shut();
  return gate;
}
