import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { flattenSpans, type ReceivedSpan, type WireTraces } from './otlp-spans.js';

export type { ReceivedSpan } from './otlp-spans.js';

/** What Jaeger or a collector would be in production. */
export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`, together with `OTEL_EXPORTER_OTLP_PROTOCOL=http/json`. */
  url: string;
  /** Everything received so far, in order of arrival. */
  spans(): ReceivedSpan[];
  /** The spans of one trace, by start. */
  trace(traceId: string): ReceivedSpan[];
  close(): Promise<void>;
}

/** Starts an OTLP/HTTP receiver (JSON encoding) on a free loopback port. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const isTraces = request.url === '/v1/traces';
      const isJson = request.headers['content-type']?.startsWith('application/json') ?? false;
      if (isTraces && isJson) {
        const body = Buffer.concat(chunks);
        const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
        spans.push(...flattenSpans(JSON.parse(text.toString('utf8')) as WireTraces));
      }
      response.writeHead(isTraces ? (isJson ? 200 : 415) : 404, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => [...spans],
    trace: (traceId) => spans.filter((span) => span.traceId === traceId).sort((a, b) => a.startMs - b.startMs),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
