import { createHash } from 'node:crypto';
import { timeOf, type AlertRequest, type Channel } from './channel.js';
import type { Alert } from './alert.js';

const LONGEST_KEY = 255;
const LONGEST_SUMMARY = 1024;

/** PagerDuty's Events API v2: `trigger` and `resolve` meet by their dedup_key. */
export function pagerDuty(name: string, { routingKey, url }: { routingKey: string; url: string }): Channel {
  return {
    name,
    requestFor(alert, source): AlertRequest {
      const event_action = alert.status === 'firing' ? 'trigger' : 'resolve';
      const event = { routing_key: routingKey, event_action, dedup_key: dedupKey(source, alert.key) };
      const body = alert.status === 'firing' ? { ...event, payload: payloadOf(alert, source) } : event;
      return { url, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    },
  };
}

const payloadOf = ({ summary, severity, startedAt, labels, rule }: Alert, source: string) => ({
  summary: summary.slice(0, LONGEST_SUMMARY),
  source,
  severity,
  timestamp: timeOf(startedAt),
  component: labels['provider'] ?? labels['mode'],
  class: rule,
  custom_details: labels,
});

function dedupKey(source: string, key: string): string {
  const whole = `understudy/${source}/${key}`;
  if (whole.length <= LONGEST_KEY) return whole;
  return `understudy/${createHash('sha256').update(whole).digest('hex')}`;
}
