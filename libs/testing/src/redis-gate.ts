import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A door to the real Redis that a test can shut: for its client, Redis is away then. */
export interface RedisGate {
  /** For the client under test; stays the same over shut() and open(). */
  readonly url: string;
  /** Cuts every connection and refuses new ones. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Cuts every connection; new ones are accepted. */
  cut(): void;
  /** From now on every answer of Redis comes so much later, in milliseconds; 0 ends that. */
  slow(latencyMs: number): void;
}

/** @param initially `shut`: Redis is absent until open() */
export async function redisGate(redisUrl: string, initially: 'open' | 'shut' = 'open'): Promise<RedisGate> {
  const { hostname, port } = new URL(redisUrl);
  const sockets = new Set<Socket>();
  let latencyMs = 0;
  /** In the order of their arrival, whatever the latency was then. */
  const forwardLate = (from: Socket, to: Socket) => {
    let earlier: Promise<unknown> = Promise.resolve();
    from.on('data', (chunk) => {
      const due = performance.now() + latencyMs;
      if (latencyMs > 0) earlier = earlier.then(() => pause(Math.max(0, due - performance.now())));
      earlier = earlier.then(() => to.write(chunk));
    });
  };
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
    client.pipe(redis);
    forwardLate(redis, client);
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
    slow: (ms) => void (latencyMs = ms),
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
