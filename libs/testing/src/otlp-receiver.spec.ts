import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { startOtlpReceiver } from './otlp-receiver.js';

const EXPORT = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'router' } }] },
      scopeSpans: [
        {
          spans: [
            {
              name: 'chat gpt-4',
              kind: 3,
              traceId: 'a'.repeat(32),
              spanId: 'b'.repeat(16),
              parentSpanId: 'c'.repeat(16),
              status: { code: 2, message: 'overloaded' },
              startTimeUnixNano: '1700000000123456789',
              endTimeUnixNano: '1700000000223456789',
              attributes: [
                { key: 'n', value: { intValue: '503' } },
                { key: 'list', value: { arrayValue: { values: [{ stringValue: 'x' }, { boolValue: true }] } } },
              ],
              events: [{ name: 'llm.failover', attributes: [{ key: 'to', value: { stringValue: 'b' } }] }],
            },
          ],
        },
      ],
    },
  ],
};

it.each([false, true])('flattens the spans of an export (gzip: %s)', async (isZipped) => {
  const receiver = await startOtlpReceiver();
  onTestFinished(() => receiver.close());
  const json = JSON.stringify(EXPORT);
  const headers = { 'content-type': 'application/json', ...(isZipped && { 'content-encoding': 'gzip' }) };
  const answer = await fetch(`${receiver.url}/v1/traces`, {
    method: 'POST',
    headers,
    body: isZipped ? gzipSync(json) : json,
  });
  expect(answer.status).toBe(200);
  expect(receiver.trace('a'.repeat(32))).toMatchObject([
    {
      service: 'router',
      name: 'chat gpt-4',
      kind: 'client',
      parentSpanId: 'c'.repeat(16),
      status: 'error',
      attributes: { n: 503, list: ['x', true] },
      events: [{ name: 'llm.failover', attributes: { to: 'b' } }],
      links: [],
    },
  ]);
});

it('refuses protobuf, so that a sender with the wrong protocol is noticed', async () => {
  const receiver = await startOtlpReceiver();
  onTestFinished(() => receiver.close());
  const headers = { 'content-type': 'application/x-protobuf' };
  expect((await fetch(`${receiver.url}/v1/traces`, { method: 'POST', headers, body: 'x' })).status).toBe(415);
  expect(receiver.spans()).toEqual([]);
});
