import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { closeRedis } from './close-redis.js';
import { connectRedis } from './connect-redis.js';

const REDIS_URL = process.env.REDIS_URL!;
/** Long enough to tell of a failover in between. */
const ANSWER_AFTER_MS = 300;

/** The Redis of the run under the name of a Sentinel: it knows subscriptions already, and says of itself that it is the master. */
async function startSentinel() {
  const { hostname, port } = new URL(REDIS_URL);
  const sockets: Socket[] = [];
  let asked = 0;
  const answer = async (client: Socket, command: string) => {
    if (command.includes('get-master-addr-by-name')) asked++;
    await pause(ANSWER_AFTER_MS);
    const address = `*2\r\n$${hostname.length}\r\n${hostname}\r\n$${port.length}\r\n${port}\r\n`;
    if (client.writable) client.write(command.includes('get-master-addr-by-name') ? address : '*0\r\n');
  };
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    for (const socket of [client, redis]) sockets.push(socket.on('error', () => undefined));
    client.on('close', () => redis.destroy());
    redis.on('data', (data) => client.write(data));
    client.on('data', (data) => {
      const text = data.toString();
      const at = text.search(/\*3\r\n\$8\r\nsentinel\r\n/i);
      if (at !== 0) redis.write(at < 0 ? text : text.slice(0, at));
      if (at >= 0) void answer(client, text.slice(at));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = `redis+sentinel://127.0.0.1:${(server.address() as AddressInfo).port}/understudy`;
  return { url, timesAsked: () => asked };
}

it('a connection outlives a failover that is told of while the Sentinels are asked for the master', async () => {
  const sentinel = await startSentinel();
  const redis = connectRedis({ url: sentinel.url, name: 'a test', patience: 'patient' });
  const other = connectRedis({ url: REDIS_URL, name: 'a test', patience: 'patient' });
  onTestFinished(async () => void (await Promise.all([closeRedis(redis), closeRedis(other)])));
  const watchers = async () => ((await other.pubsub('NUMSUB', '+switch-master')) as unknown[])[1];
  const id = String(await redis.client('ID'));
  await expect.poll(watchers).toBe(1);

  await other.call('CLIENT', 'KILL', 'ID', id);
  await vi.waitFor(() => expect(sentinel.timesAsked()).toBe(2), { interval: 5 });
  await other.publish('+switch-master', 'understudy');
  expect(await redis.ping()).toBe('PONG');
  expect(String(await redis.client('ID'))).not.toBe(id);
});
