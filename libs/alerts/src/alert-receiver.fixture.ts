import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody's door for alerts, on a real socket. */
export interface AlertReceiver {
  url: string;
  received: { path: string; headers: IncomingHttpHeaders; text: string; json: Record<string, unknown> }[];
  /** Statuses of the next answers, 200 after them; 0 never answers. */
  answers: number[];
  close(): Promise<void>;
}

export async function startAlertReceiver(): Promise<AlertReceiver> {
  const received: AlertReceiver['received'] = [];
  const answers: number[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      const json = JSON.parse(text) as Record<string, unknown>;
      received.push({ path: request.url ?? '', headers: request.headers, text, json });
      const status = answers.shift() ?? 200;
      if (status > 0) response.writeHead(status).end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, answers, close };
}
