import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { EventStream } from './event-stream.js';

/** A caller that has asked and does not read, and the stream to it. */
async function open(
  keepAliveMs = 60_000,
  headers = {},
): Promise<{ caller: Socket; events: EventStream; response: ServerResponse }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const caller = connect((server.address() as AddressInfo).port, '127.0.0.1');
  caller.pause();
  caller.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  onTestFinished(() => {
    caller.destroy();
    server.close();
  });
  return { caller, response, events: new EventStream(response, keepAliveMs, () => headers) };
}

it('waits for a caller that does not read, holds little meanwhile, and goes on when it reads', async () => {
  const { caller, events, response } = await open();
  let sent = 0;
  const piece = 'x'.repeat(10_000);
  const sending = (async () => {
    for (; sent < 5_000; sent++) await events.send({ piece });
    events.end();
  })();
  let before = -1;
  await vi.waitFor(() => {
    expect(response.writableNeedDrain).toBe(true);
    const isStanding = sent === before;
    before = sent;
    expect(isStanding).toBe(true);
  });
  // 50 MB are to be sent; the kernel takes some of that, and we hold next to nothing.
  expect(sent).toBeLessThan(4_000);
  expect(response.writableLength).toBeLessThan(200_000);
  caller.resume();
  await sending;
  expect(sent).toBe(5_000);
});

it('ends its waiting when the caller leaves', async () => {
  const { caller, events, response } = await open();
  const sending = (async () => {
    for (let i = 0; i < 5_000 && !response.destroyed; i++) await events.send('x'.repeat(10_000));
  })();
  await vi.waitFor(() => expect(response.writableNeedDrain).toBe(true));
  caller.destroy();
  await sending;
});

it('sends its headers with the first comment, as they are known then', async () => {
  const headers: Record<string, string> = {};
  const { caller, events } = await open(50, headers);
  expect(events.hasBegun).toBe(false);
  headers['x-known'] = 'by-now';
  caller.resume();
  let text = '';
  caller.on('data', (bytes) => (text += String(bytes)));
  await vi.waitFor(() => expect(text).toContain(': waiting'));
  expect(events.hasBegun).toBe(true);
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(text).toContain('x-known: by-now');
  events.end();
});
