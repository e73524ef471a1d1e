import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startAlertReceiver, type AlertReceiver } from './alert-receiver.fixture.js';
import { AlertSender, type AlertDelivery } from './alert-sender.js';
import type { Alert } from './alert.js';
import type { ChannelConfig } from './channel.js';
import { createChannels } from './create-channels.js';

const firing: Alert = {
  key: 'provider_down/relay',
  rule: 'provider_down',
  status: 'firing',
  severity: 'critical',
  summary: 'Provider relay is down: none of its 2 target(s) is available',
  startedAt: Date.UTC(2026, 10, 23),
  endedAt: null,
  labels: { provider: 'relay' },
};
const resolved: Alert = { ...firing, status: 'resolved', endedAt: firing.startedAt + 60_000 };

let receiver: AlertReceiver;
let deliveries: AlertDelivery[];
let sender: AlertSender;

beforeEach(async () => {
  receiver = await startAlertReceiver();
  deliveries = [];
});

afterEach(async () => {
  await sender.close(0);
  await receiver.close();
});

function open(configs: ChannelConfig[], { retryAfterMs = 10, timeoutMs = 5_000 } = {}): void {
  const channels = createChannels(configs);
  const onDelivery = (delivery: AlertDelivery) => deliveries.push(delivery);
  sender = new AlertSender({ channels, source: 'prod', retryAfterMs, timeoutMs, onDelivery });
}

const results = () => deliveries.map((one) => [one.channel, one.result, 'reason' in one ? one.reason : null]);

describe('what a receiver gets', () => {
  test('PagerDuty: a trigger with its payload, and a resolve with the same key', async () => {
    open([{ kind: 'pagerduty', routingKey: 'R1', url: `${receiver.url}/v2/enqueue` }]);
    sender.send([firing, resolved]);
    await expect.poll(() => deliveries.length).toBe(2);
    const [trigger, resolve] = receiver.received.map(({ json }) => json);
    expect(trigger).toEqual({
      routing_key: 'R1',
      event_action: 'trigger',
      dedup_key: 'understudy/prod/provider_down/relay',
      payload: {
        summary: firing.summary,
        source: 'prod',
        severity: 'critical',
        timestamp: '2026-11-23T00:00:00.000Z',
        component: 'relay',
        class: 'provider_down',
        custom_details: { provider: 'relay' },
      },
    });
    expect(resolve).toEqual({ routing_key: 'R1', event_action: 'resolve', dedup_key: trigger?.['dedup_key'] });
  });

  test('PagerDuty: a key of any length stays within 255 characters, and the same', async () => {
    open([{ kind: 'pagerduty', routingKey: 'R1', url: receiver.url }]);
    const long = { ...firing, key: `target_disabled/${'x'.repeat(400)}` };
    sender.send([long, { ...long, status: 'resolved' }]);
    await expect.poll(() => deliveries.length).toBe(2);
    const keys = receiver.received.map(({ json }) => json['dedup_key'] as string);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]?.length).toBeLessThanOrEqual(255);
  });

  test('Slack: one line of text, without markup of its own', async () => {
    open([{ kind: 'slack', url: `${receiver.url}/services/T/B/secret` }]);
    sender.send([{ ...firing, summary: 'a <b> & c' }, resolved]);
    await expect.poll(() => deliveries.length).toBe(2);
    expect(receiver.received.map(({ json }) => json['text'])).toEqual([
      '[CRITICAL] a &lt;b&gt; &amp; c (prod)',
      `[RESOLVED] ${firing.summary} (prod)`,
    ]);
  });

  test("a webhook: Alertmanager's format, with a signature that its holder can check", async () => {
    const bytes = Buffer.from('a secret of thirty-two bytes, ok');
    open([{ kind: 'webhook', url: receiver.url, secret: `whsec_${bytes.toString('base64')}` }]);
    sender.send([resolved]);
    await expect.poll(() => deliveries.length).toBe(1);
    const { headers, text, json } = receiver.received[0]!;
    expect(json).toMatchObject({
      version: '4',
      status: 'resolved',
      groupKey: 'provider_down/relay',
      commonLabels: { alertname: 'provider_down', severity: 'critical', source: 'prod', provider: 'relay' },
      alerts: [{ startsAt: '2026-11-23T00:00:00.000Z', endsAt: '2026-11-23T00:01:00.000Z' }],
    });
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${text}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', bytes).update(signed).digest('base64')}`);
    expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(60);
  });
});

describe('delivery', () => {
  test('a receiver in trouble is asked three times, with the same message id', async () => {
    open([{ kind: 'webhook', url: receiver.url, secret: 's' }]);
    receiver.answers.push(500, 429);
    sender.send([firing]);
    await expect.poll(results).toEqual([['webhook[0]', 'sent', null]]);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect([ids.length, new Set(ids).size]).toEqual([3, 1]);
  });

  test('after three failures a message is given up, and the next one goes on', async () => {
    open([{ kind: 'webhook', url: receiver.url }]);
    receiver.answers.push(503, 503, 503);
    sender.send([firing, resolved]);
    await expect.poll(results).toEqual([
      ['webhook[0]', 'failed', '503'],
      ['webhook[0]', 'sent', null],
    ]);
  });

  test('a refusal is not repeated', async () => {
    open([{ kind: 'slack', url: receiver.url }]);
    receiver.answers.push(404);
    sender.send([firing]);
    await expect.poll(results).toEqual([['slack[0]', 'failed', '404']]);
    expect(receiver.received).toHaveLength(1);
  });

  test('a channel that hangs delays no other, and its message is tried again after the time limit', async () => {
    open(
      [
        { kind: 'slack', url: `${receiver.url}/hangs` },
        { kind: 'webhook', url: 'http://127.0.0.1:1' },
      ],
      {
        timeoutMs: 1_000,
      },
    );
    receiver.answers.push(0);
    sender.send([firing]);
    await expect.poll(results).toEqual([
      ['webhook[1]', 'failed', 'ECONNREFUSED'],
      ['slack[0]', 'sent', null],
    ]);
    expect(receiver.received).toHaveLength(2);
  });

  test('of more than a hundred that wait the oldest are dropped, and told', async () => {
    open([{ kind: 'slack', url: receiver.url }]);
    sender.send(Array.from({ length: 103 }, (_, i) => ({ ...firing, key: `k${i}` })));
    expect(deliveries.map(({ alert, result }) => `${result} ${alert.key}`)).toEqual([
      'dropped k0',
      'dropped k1',
      'dropped k2',
    ]);
    await expect.poll(() => deliveries.length).toBe(103);
  });

  test('closing waits for no receiver longer than it is told, and tells what was lost', async () => {
    open([{ kind: 'slack', url: receiver.url }], { retryAfterMs: 60_000 });
    receiver.answers.push(500);
    sender.send([firing, resolved]);
    await expect.poll(() => receiver.received.length).toBe(1);
    await sender.close(50);
    expect(results().map(([, result]) => result)).toEqual(['dropped', 'dropped']);
  });
});
