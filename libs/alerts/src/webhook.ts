import { createHash, createHmac } from 'node:crypto';
import type { Alert } from './alert.js';
import { timeOf, type AlertRequest, type Channel } from './channel.js';

/** Time that stands for "not over" in Alertmanager's format. */
const NO_END = '0001-01-01T00:00:00Z';

/** Any receiver of Alertmanager's webhook format, version 4; signed as Standard Webhooks when there is a secret. */
export function webhook(name: string, { url, secret }: { url: string; secret?: string | undefined }): Channel {
  return {
    name,
    requestFor(alert, source, now): AlertRequest {
      const body = JSON.stringify(messageOf(alert, source, name));
      const headers = { 'content-type': 'application/json' };
      return {
        url,
        body,
        headers: secret === undefined ? headers : { ...headers, ...signed(secret, alert, body, now) },
      };
    },
  };
}

function messageOf(
  { key, rule, status, severity, summary, startedAt, endedAt, labels }: Alert,
  source: string,
  name: string,
) {
  const allLabels = { alertname: rule, severity, source, ...labels };
  const annotations = { summary };
  return {
    version: '4',
    status,
    receiver: name,
    groupKey: key,
    groupLabels: { alertname: rule },
    commonLabels: allLabels,
    commonAnnotations: annotations,
    externalURL: '',
    truncatedAlerts: 0,
    alerts: [
      {
        status,
        labels: allLabels,
        annotations,
        startsAt: timeOf(startedAt),
        endsAt: endedAt === null ? NO_END : timeOf(endedAt),
        generatorURL: '',
        fingerprint: createHash('sha256').update(`${source} ${key}`).digest('hex').slice(0, 16),
      },
    ],
  };
}

/** The id is that of the message, the same in every try: a receiver can drop repeats. */
function signed(secret: string, { key, status, startedAt }: Alert, body: string, now: number): Record<string, string> {
  const id = `msg_${createHash('sha256').update(`${key} ${status} ${startedAt}`).digest('hex').slice(0, 24)}`;
  const timestamp = Math.floor(now / 1_000);
  const bytes = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  const signature = createHmac('sha256', bytes).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` };
}
